// Drawing: everything anew after each action; some 100 cards take a few milliseconds.

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
    {
      class: isAsking ? "card" : "card decided",
      tabindex: "0",
      "data-key": card.key,
      "aria-labelledby": `label-${card.key}`,
    },
    make("div", {}, drawTitle(card), drawFigures(card, isAsking), ...(isAsking ? drawHelp(card) : [])),
    isAsking ? drawAnswers(card, choice) : drawDecision(card, choice),
  );
}

function drawTitle(card) {
  const others = card.members.length - 1;
  return make(
    "h2",
    { id: `label-${card.key}` },
    shownSpelling(card.members[0]),
    others ? make("span", { class: "soft" }, `and ${counted(others, "more spelling")}`) : "",
  );
}

const shownSpelling = (member) => make("bdi", {}, make("code", {}, member.text));

function drawFigures(card, isAsking) {
  if (!isAsking) return make("span", { class: "soft figure" }, counted(sum(card.members), "row"));
  const isOne = card.members.length === 1;
  const funds = Math.max(...card.members.map((member) => member.funds));
  const parts = [counted(sum(card.members), "row"), `in ${isOne ? "" : "at least "}${counted(funds, "fund")}`];
  // The share counts the whole cluster.
  if (card.members.length === card.cluster.members.length)
    parts.push(`${Math.floor(100 * card.cluster.share)}% of all rows with the cards above`);
  return make("p", { class: "soft" }, parts.join(" · "));
}

function drawHelp(card) {
  const lines = [];
  if (card.proposal)
    lines.push(`Proposal (${card.proposal.confidence}): ${named(card.proposal)}, because: ${card.proposal.why}.`);
  else if (!card.isApart) lines.push(...card.cluster.hints);
  if (card.members.length > 1 && !card.isApart && card.cluster.why !== card.proposal?.why)
    lines.push(`Together: ${card.cluster.why}.`);
  const examples = [...new Set(card.members.flatMap((member) => member.examples))].slice(0, REASONS);
  return [
    ...lines.map((line) => make("p", {}, line)),
    examples.length
      ? make("p", {}, "For example: ", ...examples.flatMap((text, place) => [place ? ", " : "", make("bdi", {}, text)]))
      : "",
    ...drawMembers(card),
    make(
      "details",
      {},
      make("summary", { class: "soft" }, "Where"),
      ...card.members.map((member) => make("p", { class: "soft" }, shownSpelling(member), ` ${member.where}`)),
    ),
  ];
}

function drawMembers(card) {
  if (card.isApart) {
    return [
      make(
        "p",
        {},
        "Taken out of its cluster. ",
        make("button", { type: "button", class: "plain", click: () => move(card, card.members, false) }, "Put back"),
      ),
    ];
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
    rest
      ? make("button", { type: "button", class: "plain", click: unfold }, `Show ${counted(rest, "more spelling")}`)
      : "",
  ];
}

function drawMember(card, member) {
  const takeOut = () => move(card, [member], true);
  return make(
    "li",
    {},
    shownSpelling(member),
    make("span", { class: "figure" }, member.rows.toLocaleString("en-US")),
    make(
      "button",
      { type: "button", class: "plain", "aria-label": `Take out ${member.text}`, click: takeOut },
      "Take out",
    ),
  );
}

function drawAnswers(card, choice) {
  const stages = review.stages.map((stage, place) => drawStage(card, stage, place, choice));
  const offered = new Set([
    ...(card.proposal?.stage === review.kept ? [card.proposal.reason] : []),
    ...reasons.slice(0, REASONS),
  ]);
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
    {
      type: "button",
      class: isProposed ? "proposed" : false,
      "aria-pressed": String(choice?.stage === stage),
      click: () => decide(card, { stage, reason: "" }),
    },
    place < 9 ? make("kbd", { "aria-hidden": "true" }, String(place + 1)) : "",
    ` ${stage}`,
    isProposed ? make("small", {}, ` ${card.proposal.confidence}`) : "",
  );
}

function drawReason(card, reason, keep) {
  const isProposed = card.proposal?.stage === review.kept && card.proposal.reason === reason;
  return make(
    "button",
    { type: "button", class: isProposed ? "proposed" : false, click: keep },
    "Keep: ",
    make("bdi", {}, reason),
  );
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
    make("input", {
      "aria-label": "Reason to keep it as it is",
      placeholder: "no stage, because …",
      required: true,
      maxlength: "1000",
      list: "reasons",
    }),
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
