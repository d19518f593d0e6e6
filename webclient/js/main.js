import { startModules } from "./start.js";

document.documentElement.classList.add("has-script");
void startModules(document);
