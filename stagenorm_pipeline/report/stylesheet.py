"""The stylesheet of the HTML report: for phones and desktops, light and dark, and print.

Text has a contrast of at least 4.5 to 1 on page and card in both colour schemes. A test reads the colours below.
"""

from typing import Final

STYLESHEET: Final = """
:root {
  color-scheme: light dark;
  --page: #ffffff; --ink: #1f2328; --soft: #59636e; --line: #d1d9e0; --card: #f6f8fa;
  --passed: #1a7f37; --warned: #8a5a00; --failed: #c11c25; --link: #0959c4; --shade: #1f232840;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0d1117; --ink: #e6edf3; --soft: #9ba5b0; --line: #3d444d; --card: #161b22;
    --passed: #4ac26b; --warned: #e0a63a; --failed: #ff7b72; --link: #6cb6ff; --shade: #e6edf340;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
main { max-width: 84rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: .5rem 0; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .5rem; padding-top: .5rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 0; }
p { margin: .4rem 0; max-width: 60rem; }
a { color: var(--link); }
:focus-visible { outline: .15rem solid var(--link); outline-offset: .15rem; }
code { font: .9em ui-monospace, monospace; overflow-wrap: anywhere; white-space: pre-wrap; }
.verdict {
  max-width: none; padding: .6rem .9rem; border: 2px solid; border-radius: .5rem;
  font-size: 1.15rem; font-weight: 600;
}
.passed { color: var(--passed); } .warned { color: var(--warned); } .failed { color: var(--failed); }
.note { max-width: none; padding: .5rem .9rem; border-left: .3rem solid var(--warned); background: var(--card); }
.soft { color: var(--soft); }
.summary { list-style: none; margin: .8rem 0; padding: 0; columns: 2 20rem; }
.summary li { padding: .15rem 0; }
.summary span { display: inline-block; min-width: 6.5rem; font-weight: 600; }
nav ul { list-style: none; margin: .8rem 0; padding: 0; display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; }
nav a { display: inline-block; padding: .15rem 0; font-size: .9rem; }
.beside { display: flex; flex-wrap: wrap; align-items: flex-start; gap: 0 3rem; }
.beside > * { min-width: 0; max-width: 100%; }
.checks { list-style: none; margin: 0; padding: 0; }
.checks > li {
  margin: .6rem 0; padding: .7rem .9rem;
  border: 1px solid var(--line); border-radius: .5rem; background: var(--card);
}
dl { margin: .3rem 0; display: grid; grid-template-columns: max-content 1fr; gap: .1rem .8rem; }
dt { color: var(--soft); } dd { margin: 0; min-width: 0; overflow-wrap: anywhere; }
.figures { list-style: none; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: 0 1.2rem; }
.figures li { white-space: nowrap; }
.figures b, .count { font-variant-numeric: tabular-nums; }
.scroll {
  overflow-x: auto; margin: .8rem 0;
  /* A shade at either side as long as there is more to scroll to there. */
  background:
    linear-gradient(to right, var(--page) 40%, transparent) left / 2.5rem 100% no-repeat local,
    linear-gradient(to left, var(--page) 40%, transparent) right / 2.5rem 100% no-repeat local,
    linear-gradient(to right, var(--shade), transparent) left / .8rem 100% no-repeat scroll,
    linear-gradient(to left, var(--shade), transparent) right / .8rem 100% no-repeat scroll;
}
table { border-collapse: collapse; font-size: .9rem; }
caption { text-align: left; font-weight: 600; padding: .3rem 0; }
.unseen { position: absolute; width: 1px; height: 1px; padding: 0; overflow: hidden; clip-path: inset(50%); }
th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
thead th { color: var(--soft); border-bottom-width: 2px; white-space: nowrap; }
tbody th { font-weight: 400; min-width: 5.5rem; }
tbody th.count { min-width: 0; }
.sums > * { font-weight: 600; }
/* As wide as it wants, within bounds: a narrow page scrolls the table, and does not squeeze its texts. */
td > bdi, th > bdi { display: inline-block; width: max-content; max-width: 22rem; overflow-wrap: break-word; }
.count, .when { white-space: nowrap; }
.count { text-align: right; }
svg { display: block; max-width: 100%; height: auto; margin: .5rem 0; }
.signature { grid-template-columns: repeat(3, 1fr); gap: 1.2rem; margin: 1.2rem 0; }
.signature dd { height: 2.6rem; border-bottom: 1px solid var(--ink); }
@media (max-width: 34rem) {
  dl, .signature { grid-template-columns: 1fr; }
  dd { margin-bottom: .3rem; }
  td > bdi, th > bdi { max-width: 14rem; }
}
@media print {
  :root {
    --page: #ffffff; --ink: #000000; --soft: #444444; --line: #999999; --card: #ffffff;
    --passed: #1a7f37; --warned: #8a5a00; --failed: #c11c25; --link: #000000; --shade: #ffffff;
  }
  @page { margin: 14mm 14mm 18mm; @bottom-right { content: counter(page) " / " counter(pages); font: 8pt sans-serif; } }
  html { font-size: 9.5pt; }
  main { max-width: none; padding: 0; }
  nav { display: none; }
  a { text-decoration: none; }
  p { max-width: none; }
  .scroll { overflow: visible; background: none; }
  table { font-size: 7pt; }
  th, td { padding: .15rem .3rem; }
  thead th { white-space: normal; }
  td > bdi, th > bdi { display: inline; }
  td code, th code { display: inline-block; min-width: 4.4em; font-size: .85em; }
  .beside { display: block; }
  .count, .when { white-space: normal; }
  thead { display: table-header-group; }
  tr, .checks > li, svg, .signature { break-inside: avoid; }
  svg { width: 24rem; }
  h2, h3, h2 + p, caption { break-after: avoid; }
}
"""
