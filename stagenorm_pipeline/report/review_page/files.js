// The browser's storage, and patch files.

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
  return {
    format: review.format,
    version: review.version,
    review: review.review,
    exported_at: new Date().toISOString(),
    decisions,
  };
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
  const slug = name
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
  make("a", { href: address, download: `decisions-${slug || "reviewer"}-${today()}.json` }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
  say(`${counted(choices.size, "decision")} exported. Send the file to the person who sent you this page.`);
}

async function loadPatch(event) {
  const [file] = event.target.files;
  if (!file) return;
  try {
    load(JSON.parse(await file.text()));
  } catch (error) {
    say(
      error instanceof SyntaxError || error instanceof TypeError
        ? `${file.name} is not an exported file.`
        : error.message,
    );
  }
  event.target.value = "";
}

function load(patch) {
  if (patch.format !== review.format) throw new Error("This is not a file that this page exports.");
  if (patch.version !== review.version) throw new Error("The file was exported by another version of this page.");
  const usable = patch.decisions.filter(isUsable);
  const replaced = usable.filter(
    (entry) => choices.has(entry.spelling_sha256) && choices.get(entry.spelling_sha256).stage !== entry.stage,
  );
  const loaded = new Map(usable.map((entry) => [entry.spelling_sha256, chosenIn(entry)]));
  const updates = review.clusters.flatMap((cluster) => loadedInto(cluster, loaded));
  const said = [`${counted(usable.length, "decision")} loaded`];
  if (replaced.length) said.push(`${counted(replaced.length, "decision")} on this page replaced`);
  if (usable.length < patch.decisions.length)
    said.push(`${counted(patch.decisions.length - usable.length, "decision")} left out: not on this page`);
  change(said.join("; "), updates);
}

const chosenIn = (entry) => ({
  stage: entry.stage,
  reason: entry.stage === review.kept ? entry.reason : "",
  on: entry.decided_on,
  by: entry.decided_by,
});

function isUsable(entry) {
  const isChoice = review.stages.includes(entry.stage) || (entry.stage === review.kept && entry.reason.trim() !== "");
  return (
    isChoice &&
    spellings.has(entry.spelling_sha256) &&
    /^\d{4}-\d\d-\d\d$/.test(entry.decided_on) &&
    typeof entry.decided_by === "string"
  );
}

// Whoever differs from the first of the cluster gets a card of its own.
function loadedInto(cluster, loaded) {
  const next = new Map(cluster.members.map(({ id }) => [id, loaded.get(id) ?? choices.get(id)]));
  const said = (id) => JSON.stringify([next.get(id)?.stage, next.get(id)?.reason]);
  const first = cluster.members[0].id;
  return cluster.members.map(({ id }) => ({ id, choice: next.get(id), isApart: said(id) !== said(first) }));
}
