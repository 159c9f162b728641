"use strict";
// The review page. Plain JavaScript, no library, no network. Texts from the data become text nodes, never markup.

const review = JSON.parse(document.getElementById("data").textContent);
const spellings = new Map(review.clusters.flatMap((cluster) => cluster.members).map((member) => [member.id, member]));
const rowsInAll = sum(spellings.values());
const storageName = `stagenorm-review:${review.review}`;
// More cards at once make a phone slow.
const CARDS = 100;
const MEMBERS = 5;
const REASONS = 3;

// What people said. `choices`: by spelling, {stage, reason, on, by}. `apart`: the spellings taken out of their cluster.
const choices = new Map();
const apart = new Set();
// One entry for each action: what it was, and how its spellings were before.
const done = [];
// How the page is shown. Not kept: `changing` and `unfolded` are keys of cards.
const view = { cards: CARDS, changing: new Set(), unfolded: new Set() };
let reasons = [];
let isStored = true;

const at = (id) => document.getElementById(id);
const counted = (count, noun) => `${count.toLocaleString("en-US")} ${noun}${count === 1 ? "" : "s"}`;

function sum(members) {
  let rows = 0;
  for (const member of members) rows += member.rows;
  return rows;
}

function make(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

// ---- Cards: a cluster without what was taken out of it, and what was taken out.

function cardsOf(cluster, number) {
  const together = cluster.members.filter((member) => !apart.has(member.id));
  const cards = together.length ? [{ key: `cluster-${number}`, cluster, members: together, proposal: cluster.proposal, isApart: false }] : [];
  const groups = new Map();
  for (const member of cluster.members.filter((one) => apart.has(one.id))) {
    groups.set(member.alike, [...(groups.get(member.alike) ?? []), member]);
  }
  for (const [alike, members] of groups) cards.push({ key: `apart-${alike}`, cluster, members, proposal: null, isApart: true });
  return cards;
}

const allCards = () => review.clusters.flatMap(cardsOf);
const choiceOf = (card) => (card.members.every((member) => choices.has(member.id)) ? choices.get(card.members[0].id) : undefined);
const isOpen = (card) => !choiceOf(card);

function matchingCards() {
  const wanted = at("find").value.trim().toLowerCase();
  const isShown = {
    all: () => true,
    open: isOpen,
    proposed: (card) => isOpen(card) && card.proposal !== null,
    decided: (card) => !isOpen(card),
  }[at("show").value];
  const isFound = (member) => [member.text, ...member.examples].some((text) => text.toLowerCase().includes(wanted));
  return allCards().filter((card) => isShown(card) && (!wanted || card.members.some(isFound)));
}

// ---- Actions. Each is one entry of `done`, so that one Undo takes it back.

function change(what, updates, focus) {
  done.push({ what, before: updates.map(({ id }) => ({ id, choice: choices.get(id), isApart: apart.has(id) })) });
  updates.forEach(put);
  keepReasons(updates);
  store();
  draw(focus);
  say(what);
}

function put({ id, choice, isApart }) {
  if (choice) choices.set(id, choice);
  else choices.delete(id);
  if (isApart) apart.add(id);
  else apart.delete(id);
}

function keepReasons(updates) {
  for (const { choice } of updates) {
    if (choice?.reason) reasons = [choice.reason, ...reasons.filter((reason) => reason !== choice.reason)];
  }
}

function today() {
  const now = new Date();
  const digits = (number) => String(number).padStart(2, "0");
  return `${now.getFullYear()}-${digits(now.getMonth() + 1)}-${digits(now.getDate())}`;
}

const updatesOf = (card, choice) => card.members.map(({ id }) => ({ id, choice, isApart: apart.has(id) }));
const choose = ({ stage, reason }) => ({ stage, reason, on: today(), by: "" });
const named = (choice) => (choice.stage === review.kept ? `kept as it is: ${choice.reason}` : choice.stage);

function decide(card, wanted) {
  const choice = choose(wanted);
  view.changing.delete(card.key);
  change(`${card.members[0].text}: ${named(choice)}`, updatesOf(card, choice), openAfter([card]));
}

function reopen(card) {
  if (!isOpen(card)) change(`${card.members[0].text} is open again`, updatesOf(card, undefined), card.key);
}

function move(card, members, isApart) {
  const alike = new Set(members.map((member) => member.alike));
  const moved = card.cluster.members.filter((member) => alike.has(member.alike));
  // Put back, a spelling has the decision of its cluster.
  const others = card.cluster.members.find((member) => !apart.has(member.id) && !alike.has(member.alike));
  const choice = isApart || !others ? undefined : choices.get(others.id);
  const what = isApart ? "taken out of its cluster: decide it on its own card" : "put back into its cluster";
  change(`${moved[0].text} ${what}`, moved.map(({ id }) => ({ id, choice, isApart })), isApart ? card.key : `cluster-${review.clusters.indexOf(card.cluster)}`);
}

function undo() {
  const last = done.pop();
  if (!last) return;
  last.before.forEach(put);
  store();
  const ids = new Set(last.before.map(({ id }) => id));
  draw(allCards().find((card) => card.members.some((member) => ids.has(member.id)))?.key);
  say(`Undone: ${last.what}`);
}

const sureCards = () => matchingCards().filter((card) => isOpen(card) && card.proposal?.confidence === "sure");
const cardsToKeep = () => matchingCards().filter((card) => isOpen(card) && !card.proposal);

function acceptSure() {
  const cards = sureCards();
  change(`${counted(cards.length, "sure proposal")} accepted`, cards.flatMap((card) => updatesOf(card, choose(card.proposal))), openAfter(cards));
}

function keepRest(event) {
  event.preventDefault();
  const reason = event.target.elements[0].value.trim();
  const cards = cardsToKeep();
  if (!reason || !cards.length) return;
  event.target.reset();
  change(`${counted(cards.length, "question")} kept as it is: ${reason}`, cards.flatMap((card) => updatesOf(card, choose({ stage: review.kept, reason }))), openAfter(cards));
}

// The open card to go to when `decided` are decided: the next one after a single card, else the first of all.
function openAfter(decided) {
  const keys = new Set(decided.map((card) => card.key));
  const cards = matchingCards();
  const place = decided.length === 1 ? cards.findIndex((card) => keys.has(card.key)) : -1;
  return [...cards.slice(place + 1), ...cards].find((card) => isOpen(card) && !keys.has(card.key))?.key;
}

// ---- Drawing: everything anew after each action; some 100 cards take a few milliseconds.

function draw(focus) {
  const cards = matchingCards();
  const place = cards.findIndex((card) => card.key === focus);
  view.cards = Math.max(view.cards, place + 1);
  const shown = cards.slice(0, view.cards);
  at("cards").replaceChildren(...shown.map((card) => make("li", {}, drawCard(card))));
  at("more").hidden = shown.length === cards.length;
  at("more").textContent = `Show more (${(cards.length - shown.length).toLocaleString("en-US")} left)`;
  at("reasons").replaceChildren(...reasons.map((reason) => make("option", { value: reason })));
  drawCounter();
  drawBulk();
  if (focus) focusOn(focus);
}

function drawCounter() {
  const decided = [...choices.keys()].map((id) => spellings.get(id));
  const rows = sum(decided);
  const share = Math.floor((100 * rows) / Math.max(rowsInAll, 1));
  at("counter").replaceChildren(
    make("strong", {}, rows.toLocaleString("en-US")),
    ` of ${counted(rowsInAll, "row")} decided (${share}%), ${decided.length.toLocaleString("en-US")} of ${counted(spellings.size, "spelling")}`,
  );
  at("progress").max = Math.max(rowsInAll, 1);
  at("progress").value = rows;
  at("undo").disabled = !done.length;
  at("export").disabled = !decided.length;
}

function drawBulk() {
  const sure = sureCards();
  const members = sure.flatMap((card) => card.members);
  at("accept-sure").disabled = !sure.length;
  at("accept-sure").textContent = sure.length
    ? `Accept ${counted(sure.length, "sure proposal")} (${counted(members.length, "spelling")}, ${counted(sum(members), "row")})`
    : "No sure proposal is open";
  const rest = cardsToKeep().length;
  const button = at("keep-rest").elements[1];
  button.disabled = !rest;
  button.textContent = `Keep ${rest.toLocaleString("en-US")} without a proposal`;
}

function drawCard(card) {
  const choice = choiceOf(card);
  const isAsking = !choice || view.changing.has(card.key);
  return make(
    "article",
    { class: isAsking ? "card" : "card decided", tabindex: "0", "data-key": card.key, "aria-labelledby": `label-${card.key}` },
    make("div", {}, drawTitle(card), drawFigures(card, isAsking), ...(isAsking ? drawHelp(card) : [])),
    isAsking ? drawAnswers(card, choice) : drawDecision(card, choice),
  );
}

function drawTitle(card) {
  const others = card.members.length - 1;
  return make("h2", { id: `label-${card.key}` }, shownSpelling(card.members[0]), others ? make("span", { class: "soft" }, `and ${counted(others, "more spelling")}`) : "");
}

const shownSpelling = (member) => make("bdi", {}, make("code", {}, member.text));

function drawFigures(card, isAsking) {
  if (!isAsking) return make("span", { class: "soft figure" }, counted(sum(card.members), "row"));
  const isOne = card.members.length === 1;
  const funds = Math.max(...card.members.map((member) => member.funds));
  const parts = [counted(sum(card.members), "row"), `in ${isOne ? "" : "at least "}${counted(funds, "fund")}`];
  if (!card.isApart) parts.push(`${Math.floor(100 * card.cluster.share)}% of all rows with the cards above`);
  return make("p", { class: "soft" }, parts.join(" · "));
}

function drawHelp(card) {
  const lines = [];
  if (card.proposal) lines.push(`Proposal (${card.proposal.confidence}): ${named(card.proposal)}, because: ${card.proposal.why}.`);
  else if (!card.isApart) lines.push(...card.cluster.hints);
  if (card.members.length > 1 && !card.isApart && card.cluster.why !== card.proposal?.why) lines.push(`Together: ${card.cluster.why}.`);
  const examples = [...new Set(card.members.flatMap((member) => member.examples))].slice(0, REASONS);
  return [
    ...lines.map((line) => make("p", {}, line)),
    examples.length ? make("p", {}, "For example: ", ...examples.flatMap((text, place) => [place ? ", " : "", make("bdi", {}, text)])) : "",
    ...drawMembers(card),
    make("details", {}, make("summary", { class: "soft" }, "Where"), ...card.members.map((member) => make("p", { class: "soft" }, shownSpelling(member), ` ${member.where}`))),
  ];
}

function drawMembers(card) {
  if (card.isApart) {
    return [make("p", {}, "Taken out of its cluster. ", make("button", { type: "button", class: "plain", click: () => move(card, card.members, false) }, "Put back"))];
  }
  if (card.members.length === 1) return [];
  const shown = view.unfolded.has(card.key) ? card.members : card.members.slice(0, MEMBERS);
  const rest = card.members.length - shown.length;
  const unfold = () => {
    view.unfolded.add(card.key);
    draw(card.key);
  };
  return [
    make("ul", { class: "members" }, ...shown.map((member) => drawMember(card, member))),
    rest ? make("button", { type: "button", class: "plain", click: unfold }, `Show ${counted(rest, "more spelling")}`) : "",
  ];
}

function drawMember(card, member) {
  const takeOut = () => move(card, [member], true);
  return make(
    "li",
    {},
    shownSpelling(member),
    make("span", { class: "figure" }, member.rows.toLocaleString("en-US")),
    make("button", { type: "button", class: "plain", "aria-label": `Take out ${member.text}`, click: takeOut }, "Take out"),
  );
}

function drawAnswers(card, choice) {
  const stages = review.stages.map((stage, place) => drawStage(card, stage, place, choice));
  const offered = new Set([...(card.proposal?.stage === review.kept ? [card.proposal.reason] : []), ...reasons.slice(0, REASONS)]);
  const keep = (reason) => decide(card, { stage: review.kept, reason });
  return make(
    "div",
    {},
    make("div", { class: "stages", role: "group", "aria-label": "Stage" }, ...stages),
    make("div", { class: "reasons" }, ...[...offered].map((reason) => drawReason(card, reason, () => keep(reason)))),
    drawKeepForm(keep),
  );
}

function drawStage(card, stage, place, choice) {
  const isProposed = card.proposal?.stage === stage;
  return make(
    "button",
    { type: "button", class: isProposed ? "proposed" : false, "aria-pressed": String(choice?.stage === stage), click: () => decide(card, { stage, reason: "" }) },
    place < 9 ? make("kbd", { "aria-hidden": "true" }, String(place + 1)) : "",
    ` ${stage}`,
    isProposed ? make("small", {}, ` ${card.proposal.confidence}`) : "",
  );
}

function drawReason(card, reason, keep) {
  const isProposed = card.proposal?.stage === review.kept && card.proposal.reason === reason;
  return make("button", { type: "button", class: isProposed ? "proposed" : false, click: keep }, "Keep: ", make("bdi", {}, reason));
}

function drawKeepForm(keep) {
  const submit = (event) => {
    event.preventDefault();
    const reason = event.target.elements[0].value.trim();
    if (reason) keep(reason);
  };
  return make(
    "form",
    { class: "keep", submit },
    make("input", { "aria-label": "Reason to keep it as it is", placeholder: "no stage, because …", required: true, maxlength: "1000", list: "reasons" }),
    make("button", {}, "Keep as is"),
  );
}

function drawDecision(card, choice) {
  const show = () => {
    view.changing.add(card.key);
    draw(card.key);
  };
  const said = choice.stage === review.kept ? ["kept", make("bdi", {}, choice.reason)] : [choice.stage];
  return make(
    "p",
    { class: "decision" },
    make("strong", {}, said[0]),
    ...said.slice(1),
    make("button", { type: "button", class: "plain", click: show }, "Change"),
    make("button", { type: "button", class: "plain", click: () => reopen(card) }, "Clear"),
  );
}

function focusOn(key) {
  const card = document.querySelector(`[data-key="${key}"]`);
  if (!card) return;
  card.focus({ preventScroll: true });
  card.scrollIntoView({ block: "nearest" });
}

function say(text) {
  at("said").textContent = text;
}

// ---- Keys: only while a card has the focus, so that they never get in the way of a screen reader or a form.

function onKey(event) {
  const element = event.target.closest("[data-key]");
  if (!element || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches("input")) {
    if (event.key === "Escape") element.focus();
    return;
  }
  if (event.key === "Enter" && event.target !== element) return;
  const card = allCards().find((one) => one.key === element.dataset.key);
  const stage = review.stages[Number(event.key) - 1];
  const action = stage ? () => decide(card, { stage, reason: "" }) : keyAction(event.key, card, element);
  if (!action) return;
  event.preventDefault();
  action();
}

function keyAction(key, card, element) {
  const go = (step) => () => {
    const all = [...document.querySelectorAll("[data-key]")];
    const next = all[all.indexOf(element) + step];
    if (next) focusOn(next.dataset.key);
  };
  const accept = () => (card.proposal && isOpen(card) ? decide(card, card.proposal) : focusOn(openAfter([card])));
  return {
    Enter: accept,
    ArrowDown: go(1),
    ArrowUp: go(-1),
    k: () => typeReason(card),
    r: () => (reasons.length ? decide(card, { stage: review.kept, reason: reasons[0] }) : typeReason(card)),
    x: () => reopen(card),
    u: undo,
  }[key];
}

function typeReason(card) {
  if (!isOpen(card)) {
    view.changing.add(card.key);
    draw(card.key);
  }
  document.querySelector(`[data-key="${card.key}"] .keep input`).focus();
}

// ---- The browser's storage, and patch files.

function store() {
  try {
    const kept = { name: at("name").value, choices: [...choices], apart: [...apart], reasons };
    localStorage.setItem(storageName, JSON.stringify(kept));
    isStored = true;
  } catch {
    isStored = false;
  }
  at("kept-where").textContent = isStored
    ? "This browser remembers your decisions."
    : "This browser cannot remember your decisions: export them before you close the page.";
}

function restore() {
  try {
    const kept = JSON.parse(localStorage.getItem(storageName)) ?? {};
    at("name").value = kept.name ?? "";
    reasons = kept.reasons ?? [];
    for (const [id, choice] of kept.choices ?? []) if (spellings.has(id)) choices.set(id, choice);
    for (const id of kept.apart ?? []) if (spellings.has(id)) apart.add(id);
  } catch {
    isStored = false;
  }
}

function patchOf(name) {
  const decisions = [...choices].map(([id, choice]) => ({
    spelling_sha256: id,
    spelling_base64: spellings.get(id).bytes,
    stage: choice.stage,
    reason: choice.reason,
    decided_by: choice.by || name,
    decided_on: choice.on,
  }));
  return { format: review.format, version: review.version, review: review.review, exported_at: new Date().toISOString(), decisions };
}

function exportPatch() {
  const name = at("name").value.trim();
  if (!name) {
    say("Write your name first: it is recorded with each decision.");
    at("name").focus();
    return;
  }
  const file = new Blob([`${JSON.stringify(patchOf(name), null, 1)}\n`], { type: "application/json" });
  const address = URL.createObjectURL(file);
  const slug = name.normalize("NFKD").toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
  make("a", { href: address, download: `decisions-${slug || "reviewer"}-${today()}.json` }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
  say(`${counted(choices.size, "decision")} exported. Send the file to whoever sent you this page.`);
}

async function loadPatch(event) {
  const [file] = event.target.files;
  if (!file) return;
  try {
    load(JSON.parse(await file.text()));
  } catch (error) {
    say(error instanceof SyntaxError || error instanceof TypeError ? `${file.name} is not an exported file.` : error.message);
  }
  event.target.value = "";
}

function load(patch) {
  if (patch.format !== review.format) throw new Error("This is not a file that this page exports.");
  if (patch.version !== review.version) throw new Error("The file was exported by another version of this page.");
  const usable = patch.decisions.filter(isUsable);
  const replaced = usable.filter((entry) => choices.has(entry.spelling_sha256) && choices.get(entry.spelling_sha256).stage !== entry.stage);
  const loaded = new Map(usable.map((entry) => [entry.spelling_sha256, { stage: entry.stage, reason: entry.reason, on: entry.decided_on, by: entry.decided_by }]));
  const updates = review.clusters.flatMap((cluster) => loadedInto(cluster, loaded));
  const said = [`${counted(usable.length, "decision")} loaded`];
  if (replaced.length) said.push(`${counted(replaced.length, "decision")} on this page replaced`);
  if (usable.length < patch.decisions.length) said.push(`${counted(patch.decisions.length - usable.length, "decision")} left out: not on this page`);
  change(said.join("; "), updates);
}

function isUsable(entry) {
  const isChoice = review.stages.includes(entry.stage) || (entry.stage === review.kept && entry.reason.trim() !== "");
  return isChoice && spellings.has(entry.spelling_sha256) && /^\d{4}-\d\d-\d\d$/.test(entry.decided_on) && typeof entry.decided_by === "string";
}

// Whoever differs from the first of the cluster gets a card of its own.
function loadedInto(cluster, loaded) {
  const next = new Map(cluster.members.map(({ id }) => [id, loaded.get(id) ?? choices.get(id)]));
  const said = (id) => JSON.stringify([next.get(id)?.stage, next.get(id)?.reason]);
  const first = cluster.members[0].id;
  return cluster.members.map(({ id }) => ({ id, choice: next.get(id), isApart: said(id) !== said(first) }));
}

function start() {
  restore();
  at("undo").addEventListener("click", undo);
  at("export").addEventListener("click", exportPatch);
  at("load").addEventListener("change", loadPatch);
  at("name").addEventListener("change", store);
  at("name").addEventListener("keydown", (event) => {
    if (event.key === "Enter") focusOn(openAfter([]));
  });
  at("accept-sure").addEventListener("click", acceptSure);
  at("keep-rest").addEventListener("submit", keepRest);
  at("cards").addEventListener("keydown", onKey);
  at("more").addEventListener("click", () => {
    view.cards += CARDS;
    draw();
  });
  for (const id of ["find", "show"]) {
    at(id).addEventListener("input", () => {
      view.cards = CARDS;
      draw();
    });
  }
  addEventListener("beforeunload", (event) => {
    if (!isStored && choices.size) event.preventDefault();
  });
  store();
  draw();
}

start();
