"use strict";
// The review page. Plain JavaScript, no library, no network. Texts from the data become text nodes, never markup.

const review = JSON.parse(document.getElementById("data").textContent);
const spellings = new Map(review.clusters.flatMap((cluster) => cluster.members).map((member) => [member.id, member]));
const rowsInAll = sum(spellings.values());
const storageName = `stagenorm-review:${review.review}`;
// More cards at once make a phone slow.
const CARDS = 100;
// As many as people read before they decide about all of them.
const MEMBERS = 20;
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
  const cards = together.length
    ? [{ key: `cluster-${number}`, cluster, members: together, proposal: cluster.proposal, isApart: false }]
    : [];
  const groups = new Map();
  for (const member of cluster.members.filter((one) => apart.has(one.id))) {
    groups.set(member.alike, [...(groups.get(member.alike) ?? []), member]);
  }
  for (const [alike, members] of groups)
    cards.push({ key: `apart-${number}-${alike}`, cluster, members, proposal: null, isApart: true });
  return cards;
}

const allCards = () => review.clusters.flatMap(cardsOf);
const choiceOf = (card) =>
  card.members.every((member) => choices.has(member.id)) ? choices.get(card.members[0].id) : undefined;
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
  change(
    `${moved[0].text} ${what}`,
    moved.map(({ id }) => ({ id, choice, isApart })),
    isApart ? card.key : `cluster-${review.clusters.indexOf(card.cluster)}`,
  );
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
  change(
    `${counted(cards.length, "sure proposal")} accepted`,
    cards.flatMap((card) => updatesOf(card, choose(card.proposal))),
    openAfter(cards),
  );
}

function keepRest(event) {
  event.preventDefault();
  const reason = event.target.elements[0].value.trim();
  const cards = cardsToKeep();
  if (!reason || !cards.length) return;
  event.target.reset();
  change(
    `${counted(cards.length, "question")} kept as it is: ${reason}`,
    cards.flatMap((card) => updatesOf(card, choose({ stage: review.kept, reason }))),
    openAfter(cards),
  );
}

// The open card to go to when `decided` are decided: the next one after a single card, else the first of all.
function openAfter(decided) {
  const keys = new Set(decided.map((card) => card.key));
  const cards = matchingCards();
  const place = decided.length === 1 ? cards.findIndex((card) => keys.has(card.key)) : -1;
  return [...cards.slice(place + 1), ...cards].find((card) => isOpen(card) && !keys.has(card.key))?.key;
}
