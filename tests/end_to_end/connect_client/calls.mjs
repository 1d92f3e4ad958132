// Calls a server with Connect's own clients, as they are.
// Usage: calls.mjs HTTP_URL DESCRIPTOR_SET MODULES, with the keys in ROUTER_KEY and ADMIN_KEY

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [url, descriptorSet, modules] = process.argv.slice(2);
const find = createRequire(pathToFileURL(`${modules}/package.json`));
const load = (name) => import(pathToFileURL(find.resolve(name)));
const { createFileRegistry, fromBinary } = await load("@bufbuild/protobuf");
const { FileDescriptorSetSchema } = await load("@bufbuild/protobuf/wkt");
const { Code, ConnectError, createClient } = await load("@connectrpc/connect");
const node = await load("@connectrpc/connect-node");
const web = await load("@connectrpc/connect-web");

const registry = createFileRegistry(
  fromBinary(FileDescriptorSetSchema, readFileSync(descriptorSet)),
);
const service = (name) => registry.getService(`farebox.v1.${name}`);
const errorInfo = registry.getMessage("google.rpc.ErrorInfo");
const badRequest = registry.getMessage("google.rpc.BadRequest");

const bearer = (key) => (next) => (request) => {
  request.header.set("authorization", `Bearer ${key}`);
  return next(request);
};
const routerKey = [bearer(process.env.ROUTER_KEY)];
const adminKey = [bearer(process.env.ADMIN_KEY)];

async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    return ConnectError.from(error);
  }
  throw new Error("it should have failed");
}

async function callUnary(transport, name) {
  const billing = createClient(service("BillingService"), transport);
  const balance = await billing.getBalance({ accountId: "acme" });
  assert.equal(balance.balanceMicros, 20000000n, name);

  const call = {
    accountId: "acme",
    requestId: `${name}-call`,
    requestedSeconds: 60n,
    usage: {
      kind: {
        case: "call",
        value: { direction: 2, from: "+12025550100", to: "+447400123456" },
      },
    },
  };
  const granted = await billing.authorize(call);
  assert.equal(granted.decision, 1, name);
  assert.equal((await billing.authorize(call)).holdId, granted.holdId, name);
  await billing.release({ accountId: "acme", requestId: `${name}-end`, holdId: granted.holdId });

  const missing = await failure(billing.getBalance({ accountId: "nobody" }));
  assert.equal(missing.code, Code.NotFound, name);
  assert.equal(missing.findDetails(errorInfo)[0].reason, "ACCOUNT_NOT_FOUND", name);

  const wrong = await failure(billing.getBalance({ accountId: "a b" }));
  assert.equal(wrong.code, Code.InvalidArgument, name);
  assert.equal(wrong.findDetails(badRequest)[0].fieldViolations[0].field, "account_id", name);

  const denied = await failure(billing.credit({ accountId: "acme" }));
  assert.equal(denied.code, Code.PermissionDenied, name);
}

async function watch(transport, name) {
  const billing = createClient(service("BillingService"), transport);
  const requestId = `${name}-watched`;
  const seen = [];
  for await (const message of billing.watchAccount({ accountId: "acme", fromEntryId: 1n })) {
    seen.push(message);
    if (message.event.case === "entry" && message.event.value.requestId === requestId) break;
    if (seen.length === 1) {
      billing.authorize({
        accountId: "acme",
        requestId,
        requestedSeconds: 60n,
        usage: {
          kind: {
            case: "call",
            value: { direction: 2, from: "+12025550100", to: "+447400123456" },
          },
        },
      });
    }
  }
  assert.ok(seen.length > 1, name);

  const late = await failure(
    (async () => {
      for await (const _ of billing.watchAccount({ accountId: "acme" }, { timeoutMs: 300 }));
    })(),
  );
  assert.equal(late.code, Code.DeadlineExceeded, name);

  const missing = await failure(
    (async () => {
      for await (const _ of billing.watchAccount({ accountId: "nobody" }));
    })(),
  );
  assert.equal(missing.code, Code.NotFound, name);
}

async function importDeck(transport, name) {
  const rates = createClient(service("RateService"), transport);
  const csv =
    "item,prefix,rate_per_minute,initial_increment,increment\nOUTBOUND_CALL,1,0.2,60,60\n";
  async function* pieces() {
    for (const letter of csv) yield { deck: name, csv: new TextEncoder().encode(letter) };
  }
  const imported = await rates.importRates(pieces());
  assert.equal(imported.rateDeck.rateCount, 1n, name);

  let exported = "";
  for await (const piece of rates.exportRates({ deck: name })) {
    exported += new TextDecoder().decode(piece.csv);
  }
  assert.match(exported, /OUTBOUND_CALL,1,/, name);
}

for (const useBinaryFormat of [false, true]) {
  const form = useBinaryFormat ? "proto" : "json";
  const options = { baseUrl: url, httpVersion: "1.1", useBinaryFormat };
  const asRouter = { ...options, interceptors: routerKey };
  await callUnary(node.createConnectTransport(asRouter), `node-${form}`);
  await callUnary(web.createConnectTransport(asRouter), `web-${form}`);
  await watch(node.createConnectTransport(asRouter), `node-${form}`);
  await watch(web.createConnectTransport(asRouter), `web-${form}`);
  await importDeck(
    node.createConnectTransport({ ...options, interceptors: adminKey }),
    `deck-${form}`,
  );
}
const gzip = node.createConnectTransport({
  baseUrl: url,
  httpVersion: "1.1",
  useBinaryFormat: false,
  sendCompression: node.compressionGzip,
  acceptCompression: [node.compressionGzip],
  compressMinBytes: 1,
  interceptors: routerKey,
});
await callUnary(gzip, "gzip");
await watch(gzip, "gzip");
await callUnary(
  web.createConnectTransport({ baseUrl: url, useHttpGet: true, interceptors: routerKey }),
  "get",
);
const bidi = createClient(
  service("BillingService"),
  node.createConnectTransport({ baseUrl: url, httpVersion: "1.1", interceptors: routerKey }),
);
const refused = await failure(
  (async () => {
    for await (const _ of bidi.applyStream((async function* () {})()));
  })(),
);
assert.equal(refused.code, Code.Unimplemented);
console.log("connect-node and connect-web: all as it should be");
process.exit(0);
