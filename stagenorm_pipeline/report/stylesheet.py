"""How the HTML report looks: on a phone and a desk, light and dark, and on paper."""

from typing import Final

STYLESHEET: Final = """
:root {
  color-scheme: light dark;
  --page: #ffffff; --ink: #1f2328; --soft: #59636e; --line: #d1d9e0; --card: #f6f8fa;
  --passed: #1a7f37; --warned: #8a5a00; --failed: #c11c25;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0d1117; --ink: #e6edf3; --soft: #9ba5b0; --line: #3d444d; --card: #161b22;
    --passed: #4ac26b; --warned: #e0a63a; --failed: #ff7b72;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
main { max-width: 68rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: .5rem 0; }
h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; }
h3 { font-size: 1rem; margin: 0; }
p { margin: .4rem 0; }
code { font: .9em ui-monospace, monospace; overflow-wrap: anywhere; white-space: pre-wrap; }
.verdict { font-size: 1.15rem; font-weight: 600; padding: .6rem .9rem; border: 2px solid; border-radius: .5rem; }
.passed { color: var(--passed); } .warned { color: var(--warned); } .failed { color: var(--failed); }
.note { padding: .5rem .9rem; border-left: .3rem solid var(--warned); background: var(--card); }
.soft { color: var(--soft); }
.checks { list-style: none; margin: 0; padding: 0; }
.checks > li {
  margin: .6rem 0; padding: .7rem .9rem;
  border: 1px solid var(--line); border-radius: .5rem; background: var(--card);
}
dl { margin: .3rem 0; display: grid; grid-template-columns: max-content 1fr; gap: .1rem .8rem; }
dt { color: var(--soft); } dd { margin: 0; min-width: 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; margin: .5rem 0; }
table { border-collapse: collapse; font-size: .9rem; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
thead th { color: var(--soft); border-bottom-width: 2px; white-space: nowrap; }
tbody th { font-weight: 400; min-width: 5.5rem; }
td code, th code { display: inline-block; max-width: 22rem; overflow-wrap: break-word; }
.count { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
svg { display: block; max-width: 100%; height: auto; margin: .5rem 0; }
@media (max-width: 34rem) {
  dl { grid-template-columns: 1fr; }
  dd { margin-bottom: .3rem; }
}
@media print {
  :root {
    --page: #ffffff; --ink: #000000; --soft: #444444; --line: #999999; --card: #ffffff;
    --passed: #1a7f37; --warned: #8a5a00; --failed: #c11c25;
  }
  @page { margin: 14mm; }
  html { font-size: 9.5pt; }
  main { max-width: none; padding: 0; }
  .scroll { overflow: visible; }
  table { font-size: 7.5pt; }
  th, td { padding: .15rem .3rem; }
  td code, th code { overflow-wrap: anywhere; }
  thead { display: table-header-group; }
  tr, .checks > li, svg { break-inside: avoid; }
  svg { width: 24rem; }
  h2, h3 { break-after: avoid; }
}
"""
