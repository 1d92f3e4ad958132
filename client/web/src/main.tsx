import { render } from "preact";
import { App } from "./app";
import { lookForSession } from "./data/session";
import { followSignInLink } from "./sections/sign_in";
import "uplot/dist/uPlot.min.css";
import "./styles/base.css";
import "./styles/parts.css";
import "./styles/page.css";
import "./styles/sections.css";

const SIGN_IN_PATH = "/sign-in";

const page = document.getElementById("page");
if (page === null) throw new Error("there is no element to draw the page in");
render(<App />, page);

const isLink = window.location.pathname === SIGN_IN_PATH && window.location.hash.length > 1;
void (isLink ? followSignInLink() : lookForSession());
