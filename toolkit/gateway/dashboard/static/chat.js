// The chat box: answers come in pieces, and each piece is text. The conversation is a session of the gateway's, which
// remembers it; what is shown is kept in this tab, so that a reload shows it again. Without sessions all of it is sent.
import { byId, make, none } from "./dom.js";
import { Refused, call, readJson, told } from "./door.js";

const AT_END_PX = 40;
const PLACE = "hotswap-conversation";
const MOST_CHARACTERS = 1_000_000; // of what is kept for a reload; browsers take about five times as much
let conversation = fresh();
let remembers = false;
let stopping = null;

function fresh() {
  return { session: `dashboard-${crypto.getRandomValues(new Uint32Array(3)).join("-")}`, said: [] };
}

export function useSessions(does) {
  remembers = does;
}

function keep() {
  const text = JSON.stringify(conversation);
  if (text.length <= MOST_CHARACTERS) sessionStorage.setItem(PLACE, text);
  else sessionStorage.removeItem(PLACE);
}

function recall() {
  const kept = sessionStorage.getItem(PLACE);
  if (kept === null) return;
  conversation = JSON.parse(kept);
  for (const { role, who, content } of conversation.said) show(role, who).text.append(content);
}

export async function listModels() {
  const { models } = await readJson("api/tags");
  const names = models.map((model) => model.name).sort();
  const choice = byId("model");
  const kept = choice.value;
  choice.replaceChildren(choice.options[0], ...names.map((name) => make("option", { value: name }, name)));
  choice.value = names.includes(kept) ? kept : "";
}

export function watchChat(answered) {
  recall();
  const form = byId("ask");
  const words = byId("words");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (stopping === null && words.value.trim() !== "") send(words, answered);
  });
  words.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
  byId("stop").addEventListener("click", () => stopping?.abort());
  byId("forget").addEventListener("click", () => {
    stopping?.abort();
    conversation = fresh();
    keep();
    byId("log").replaceChildren();
    words.focus();
  });
}

async function send(words, answered) {
  const mine = conversation;
  const said = { role: "user", who: "you", content: words.value };
  const earlier = remembers ? [] : mine.said;
  const messages = [...earlier, said].map(({ role, content }) => ({ role, content }));
  const session = remembers ? { session: mine.session } : {};
  show("user", "you").text.append(said.content);
  const place = show("assistant", "…");
  words.value = "";
  busy(new AbortController());
  try {
    const answer = await call("api/chat", {
      method: "POST", signal: stopping.signal, headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: byId("model").value || "auto", messages, stream: true, ...session }),
    });
    if (!answer.ok) throw new Error(await told(answer));
    const content = await read(answer, place);
    mine.said.push(said, { role: "assistant", who: place.who.textContent, content });
    if (mine === conversation) keep();
  } catch (error) {
    place.who.textContent = error.name === "AbortError" ? "stopped" : "no answer";
    if (error.name !== "AbortError") place.text.append(make("span", { class: "error" }, `\n${error.message}`));
    if (error instanceof Refused) words.value = said.content;
  } finally {
    busy(null);
    answered();
  }
}

async function read(answer, place) {
  const reason = answer.headers.get("x-hotswap-reason") ?? none;
  const cache = answer.headers.get("x-hotswap-cache") ?? none;
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "", content = "";
  for (;;) {
    const { value, done } = await reader.read();
    const lines = (rest + (value ?? "")).split("\n");
    rest = done ? "" : lines.pop();
    for (const line of lines.filter((each) => each.trim() !== "")) {
      const part = JSON.parse(line);
      if (part.error) throw new Error(part.error);
      if (part.model) place.who.textContent = `${part.model} · ${reason} · ${cache}`;
      if (part.message?.thinking) follow(() => place.thought.append(part.message.thinking));
      if (part.message?.content) follow(() => place.text.append(part.message.content));
      content += part.message?.content ?? "";
    }
    if (done) return content;
  }
}

function show(role, name) {
  const who = make("p", { class: "who" }, name);
  const thought = make("p", { class: "thought" });
  const text = make("p", { class: "text" });
  follow(() => byId("log").append(make("div", { class: `said ${role}` }, who, thought, text)));
  return { who, thought, text };
}

// Stay at the end of the conversation, unless somebody has scrolled back to read.
function follow(change) {
  const log = byId("log");
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < AT_END_PX;
  change();
  if (atEnd) log.scrollTop = log.scrollHeight;
}

function busy(controller) {
  stopping = controller;
  byId("send").disabled = controller !== null;
  byId("stop").disabled = controller === null;
}
