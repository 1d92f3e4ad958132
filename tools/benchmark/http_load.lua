-- What wrk sends: the same calls that farebox-load makes, as JSON. The operation is its argument.
-- Prints the figures as one line of JSON.

local ACCOUNTS = 1000
local threads = 0
local operation, run, index

function setup(started)
  threads = threads + 1
  started:set("id", threads)
end

function init(arguments)
  operation = arguments[1]
  index = 0
  run = string.format("%08x-%d-", os.time(), id)
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
end

function request()
  index = index + 1
  local account = "bench-" .. (index % ACCOUNTS)
  if operation == "balance" then
    return wrk.format(nil, "/farebox.v1.BillingService/GetBalance", nil,
      '{"account_id":"' .. account .. '"}')
  end
  return wrk.format(nil, "/farebox.v1.BillingService/Authorize", nil,
    '{"account_id":"' .. account .. '","request_id":"' .. run .. index ..
    '","requested_seconds":"60","usage":{"call":{"direction":"DIRECTION_OUTBOUND",' ..
    '"from":"+12025550123","to":"+442071838750"}}}')
end

function done(summary, latency)
  local errors = summary.errors.connect + summary.errors.read + summary.errors.write +
    summary.errors.status + summary.errors.timeout
  io.write(string.format(
    '{"per_second": %f, "p50_us": %d, "p99_us": %d, "errors": %d}\n',
    summary.requests / (summary.duration / 1e6), latency:percentile(50), latency:percentile(99),
    errors))
end
