/** The page's only style: light and dark by the reader's own setting, and ink on paper. */
export const pageStyle = `
:root {
  color-scheme: light dark;
  --paper: #fff; --ink: #1b1f24; --soft: #59636e; --rule: #dfe3e7; --shade: #f6f7f8;
  --k8s: #2a62c4; --k8s-area: #d5e2f8; --vm-area: #f1ece3; --good: #14713f; --bad: #b3261e;
}
@media (prefers-color-scheme: dark) { :root {
  --paper: #131619; --ink: #e7eaed; --soft: #9aa5b1; --rule: #2d343b; --shade: #1b1f24;
  --k8s: #82aef5; --k8s-area: #1e3357; --vm-area: #26221c; --good: #5cc98d; --bad: #ff8a80;
} }
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 3.5rem 2rem 4rem; max-width: 66rem; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  font-variant-numeric: tabular-nums; overflow-wrap: break-word;
}
h1 { margin: 0; font-size: 1.05rem; font-weight: 600; }
h2 { margin: 3.25rem 0 .25rem; font-size: 1.3rem; font-weight: 620; letter-spacing: -.01em; }
p { margin: .4rem 0; max-width: 46rem; }
.soft, figcaption, .lead { color: var(--soft); }
.lead { margin-bottom: 1rem; font-size: .95rem; }
code { font: .9em ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
.headline { max-width: none; margin: 1.1rem 0 .2rem; font-size: clamp(1.9rem, 5.2vw, 3.1rem); font-weight: 680; letter-spacing: -.025em; line-height: 1.12; }
.headline.good { color: var(--good); }
.headline.bad { color: var(--bad); }
.notice { margin: 1.25rem 0; padding: .75rem 1rem; border-left: 3px solid var(--bad); background: var(--shade); }
.notice p { margin: 0; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: 1.25rem; margin: 2rem 0 0; padding: 1.25rem 0 0; border-top: 1px solid var(--rule); }
.figures dt { color: var(--soft); font-size: .875rem; }
.figures dd { margin: 0; font-size: 1.35rem; font-weight: 600; letter-spacing: -.01em; }
.figures div { display: flex; flex-direction: column-reverse; justify-content: flex-end; }
.scroll { overflow-x: auto; }
.scroll:focus-visible { outline: 2px solid var(--k8s); outline-offset: 3px; }
table { width: 100%; border-collapse: collapse; font-size: .925rem; }
th, td { padding: .5rem .9rem .5rem 0; text-align: left; vertical-align: baseline; border-bottom: 1px solid var(--rule); }
th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--soft); font-size: .8125rem; font-weight: 500; white-space: nowrap; }
tbody th { font-weight: 600; }
.number { text-align: right; white-space: nowrap; }
.whole { white-space: nowrap; }
.prose { min-width: 12rem; }
.step th { padding-top: 1.15rem; font-weight: 600; }
.step .time { display: inline-block; min-width: 5.2rem; }
.step .soft { margin-left: .75rem; font-weight: 400; }
.step ~ tr:not(.step) th { font-weight: 400; padding-left: 5.2rem; }
.step ~ tr td.soft { font-size: .8125rem; }
.bad { color: var(--bad); }
.good { color: var(--good); }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: .35rem 1.75rem; margin: .75rem 0 0; font-size: .95rem; }
.facts dt { color: var(--soft); }
.facts dd { margin: 0; }
.chart { margin: 1.25rem 0 0; }
.plot { padding: .6rem .5rem 0 3.2rem; }
.plot svg { display: block; overflow: visible; }
.legend { display: flex; flex-wrap: wrap; gap: .3rem 1.4rem; margin: .5rem 0 0; padding: 0; list-style: none; font-size: .875rem; }
.legend svg { margin-right: .45rem; vertical-align: -2px; overflow: visible; }
figcaption p { font-size: .875rem; }
svg text { fill: var(--soft); font-size: 12px; }
svg .level { fill: var(--ink); font-size: 13px; font-weight: 600; }
svg .vm { fill: var(--vm-area); }
svg .k8s { fill: var(--k8s-area); }
svg .set { stroke: var(--k8s); stroke-width: 2; stroke-linecap: square; }
svg .grid { stroke: var(--ink); stroke-opacity: .1; }
svg .tick { stroke: var(--soft); }
svg .side { fill: var(--ink); fill-opacity: .55; }
svg .milestone { stroke: var(--soft); stroke-dasharray: 3 3; }
svg .interval { stroke: var(--ink); stroke-width: 1.5; }
svg .seen { fill: var(--paper); stroke: var(--ink); stroke-width: 1.5; }
svg .c0 { fill: var(--ink); }
svg .c2 { fill: var(--soft); }
svg .returned, svg .fail { stroke: var(--bad); stroke-width: 2; fill: none; }
svg .pass { fill: var(--good); }
svg .inconclusive { fill: none; stroke: var(--soft); stroke-width: 1.5; }
svg .error { stroke: var(--soft); stroke-width: 2; }
.verdict svg { margin-right: .5rem; overflow: visible; vertical-align: 0; }
footer { margin-top: 4rem; padding-top: 1rem; border-top: 1px solid var(--rule); color: var(--soft); font-size: .875rem; }
@media (max-width: 40rem) {
  body { padding: 2rem 1.1rem 3rem; }
  h2 { margin-top: 2.5rem; }
  .plot { padding-right: 1.6rem; }
  .figures { grid-template-columns: 1fr 1fr; gap: 1rem; }
  .step ~ tr:not(.step) th { padding-left: 0; }
  .facts { grid-template-columns: 1fr; gap: 0; }
  .facts dd { margin-bottom: .6rem; }
}
@media print {
  :root {
    color-scheme: light;
    --paper: #fff; --ink: #000; --soft: #444; --rule: #bbb; --shade: #f4f4f4;
    --k8s: #1d4fa8; --k8s-area: #d5e2f8; --vm-area: #f1ece3; --good: #0b5a30; --bad: #9c1c15;
  }
  body { max-width: none; padding: 0; font-size: 10.5pt; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  .scroll { overflow: visible; }
  h2 { break-after: avoid; margin-top: 1.6rem; }
  tr, figure, .figures { break-inside: avoid; }
  .prose { min-width: 0; }
  table { font-size: 8.5pt; }
  .step ~ tr td.soft { font-size: 7.5pt; }
}
`;
