// The house's import directions (one rule per line of the list in CONTRIBUTING.md). Run by `npm run lint`.
const layers = ['foundation', 'connection', 'scheduler', 'cluster', 'executors', 'runs', 'reservations', 'jobs', 'operations', 'surfaces'];
// What a room may use besides itself; everything else under src/ is closed to it.
const allowed = {
  foundation: [],
  connection: ['foundation'],
  scheduler: ['foundation'],
  cluster: ['connection', 'scheduler', 'foundation'],
  executors: ['cluster', 'connection/port', 'scheduler/port', 'foundation'],
  runs: ['cluster', 'connection/port', 'connection/transfer', 'scheduler/port', 'scheduler/dialects', 'scheduler/jobScript', 'foundation'],
  reservations: ['cluster', 'connection/port', 'scheduler/port', 'foundation'],
  jobs: ['cluster', 'connection/port', 'connection/transfer', 'scheduler/port', 'scheduler/jobScript', 'scheduler/indexRanges', 'foundation'],
  // The door into the core is also where it is put together.
  operations: ['runs', 'reservations', 'jobs', 'executors', 'cluster', 'connection', 'scheduler', 'foundation'],
  surfaces: ['operations', 'foundation'],
};

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: { path: '^(src|webview)' }, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } },
    ...layers.map((room) => ({
      name: `${room}-imports-down`,
      comment: `${room}/ may import only: ${['itself', ...allowed[room]].join(', ')}`,
      severity: 'error',
      from: { path: `^src/${room}/` },
      to: { path: '^src/', pathNot: [room, ...allowed[room]].map((r) => `^src/${r}(/|\\.ts$)`) },
    })),
    {
      name: 'only-the-editor-side-knows-vscode',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(extension\\.ts$|surfaces/vscode/)' },
      to: { path: '^vscode$|@types/vscode' },
    },
    { name: 'surfaces-do-not-know-each-other', severity: 'error', from: { path: '^src/surfaces/([^/]+)/' }, to: { path: '^src/surfaces/', pathNot: '^src/surfaces/$1/' } },
    { name: 'only-the-editor-side-speaks-languages', comment: 'the command line and what agents read are English', severity: 'error', from: { path: '^src/', pathNot: '^src/(extension\\.ts$|surfaces/vscode/)' }, to: { path: '^l10n/' } },
    { name: 'words-are-plain', severity: 'error', from: { path: '^l10n/' }, to: { path: '.' } },
    { name: 'source-does-not-know-tests', severity: 'error', from: { path: '^(src|webview)/' }, to: { path: '^test/' } },
    {
      name: 'the-page-speaks-through-its-protocol',
      comment: 'only src/surfaces/vscode/dashboard/ may import webview/protocol.ts and webview/protocol/, and nothing else of the page',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/surfaces/vscode/dashboard/' },
      to: { path: '^webview/' },
    },
    { name: 'the-host-knows-only-the-protocol', severity: 'error', from: { path: '^src/surfaces/vscode/dashboard/' }, to: { path: '^webview/', pathNot: '^webview/protocol(\\.ts$|/)' } },
    { name: 'the-page-knows-nothing-of-the-host', severity: 'error', from: { path: '^webview/' }, to: { path: '^src/' } },
    { name: 'the-page-uses-few-packages', severity: 'error', from: { path: '^webview/' }, to: { path: 'node_modules', pathNot: 'node_modules/(lit|lit-html|@vscode/webview-ui-toolkit|zod)/' } },
    { name: 'the-protocol-is-plain', severity: 'error', from: { path: '^webview/protocol(\\.ts$|/)' }, to: { path: '.', pathNot: '^webview/protocol(\\.ts$|/)|node_modules/zod/' } },
    { name: 'models-of-the-page-are-plain', comment: 'no DOM: they are tested in Node', severity: 'error', from: { path: '^webview/model/' }, to: { path: '.', pathNot: '^webview/(model/|protocol(\\.ts$|/))|^l10n/words\\.ts$|node_modules/zod/' } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { extensions: ['.ts', '.js', '.json'], exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default', 'types'] },
  },
};
