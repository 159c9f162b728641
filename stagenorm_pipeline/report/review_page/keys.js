// Keys: only while a card has the focus, so that they never get in the way of a screen reader or a form.

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
