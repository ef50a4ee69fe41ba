// Asks for the figures while somebody looks, and shows them.
import { listModels, useSessions, watchChat } from "./chat.js";
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
    useSessions(live.sessions);
    await lookAtWhatIf();
    const down = Object.entries(live.queue.hosts).filter(([, host]) => !host.ready).map(([name]) => name);
    if (!hasModels && down.length < Object.keys(live.queue.hosts).length) await offerModels();
    say(down.length === 0 ? "live" : `live; no answer from ${down.join(", ")}`, down.length > 0);
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

// The list is the hosts': while none gives it, the page goes on without, and asks again.
async function offerModels() {
  try {
    await listModels();
    hasModels = true;
  } catch (error) {
    if (error instanceof Refused) throw error;
  }
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
