// Calls to the gateway, with the key if it asks for one. The key is kept for this tab only, and goes to this origin only.
import { byId } from "./dom.js";

const PLACE = "hotswap-key";

export class Refused extends Error {}

export async function call(path, options = {}) {
  const key = sessionStorage.getItem(PLACE);
  const headers = { ...options.headers, ...(key ? { authorization: `Bearer ${key}` } : {}) };
  const answer = await fetch(path, { ...options, headers, credentials: "omit", redirect: "error", cache: "no-store" });
  if (answer.status === 401) {
    ask(key !== null);
    throw new Refused("a key is needed");
  }
  return answer;
}

export function readJson(path) {
  return call(path).then(async (answer) => {
    if (!answer.ok) throw new Error(await told(answer));
    return answer.json();
  });
}

// What an answer that is none says of itself.
export async function told(answer) {
  const text = await answer.text();
  try {
    return JSON.parse(text).error ?? `status ${answer.status}`;
  } catch {
    return `status ${answer.status}`;
  }
}

export function ask(wrong = false) {
  const door = byId("door");
  if (door.open) return;
  byId("door-text").textContent = wrong
    ? "The gateway does not take this key; give another one."
    : "It stays in this tab, and is forgotten when the tab is closed.";
  byId("key").value = "";
  byId("change-key").hidden = false; // the way back for who closes it
  door.showModal();
}

export function watchDoor(opened) {
  byId("door-form").addEventListener("submit", (event) => {
    event.preventDefault();
    sessionStorage.setItem(PLACE, byId("key").value.trim());
    byId("key").value = "";
    byId("door").close();
    byId("change-key").hidden = false;
    opened();
  });
  byId("change-key").hidden = sessionStorage.getItem(PLACE) === null;
  byId("change-key").addEventListener("click", () => ask());
}
