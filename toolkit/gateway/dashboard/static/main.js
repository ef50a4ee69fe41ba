// Asks for the figures while somebody looks, and shows them.
import { listModels, watchChat } from "./chat.js";
import { byId } from "./dom.js";
import { Refused, readJson, watchDoor } from "./door.js";
import { showAll } from "./panels.js";
import { lookAtWhatIf, watchWhatIf } from "./whatif.js";

const EVERY_MS = 1500;
const AFTER_FAILURE_MS = 5000;
let timer = null;
let hasModels = false;

async function look() {
  clearTimeout(timer);
  timer = null;
  let wait = EVERY_MS;
  try {
    const live = await readJson("api/llm/live");
    showAll(live);
    if (!hasModels) {
      await listModels();
      hasModels = true;
    }
    await lookAtWhatIf();
    say("live");
  } catch (error) {
    if (error instanceof Refused) {
      say("a key is needed", true);
      return;
    }
    say(`the gateway does not answer (${error.message}); trying again`, true);
    wait = AFTER_FAILURE_MS;
  }
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(look, wait);
}

function say(text, bad = false) {
  const state = byId("state");
  state.className = bad ? "bad" : "";
  if (state.textContent !== text) state.textContent = text;
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) look();
});
watchDoor(look);
watchChat(look);
watchWhatIf();
look();
