import { openLocal, makeRig, write, picture } from '/work/main/test/contract/transfer/rig.ts';
import { pushTree } from '/work/main/src/connection/transfer/pushTree.ts';
import { pullTree } from '/work/main/src/connection/transfer/pullTree.ts';
import { runtimeDir } from '/work/main/test/contract/transfer/rig.ts';
const c = openLocal(); const r = makeRig();
try {
write(r.local, {'a.py':'print(1)\n', 'sub dir/b\'q.txt':'x'.repeat(1000), 'sub/ü.txt':'u'});
console.log((await c.environment()).python);
const t = async (l: string, f: ()=>Promise<unknown>) => { const s = c.statistics.roundTrips, a=performance.now(); const v = await f(); console.log(l, c.statistics.roundTrips - s, (performance.now()-a).toFixed(0)+'ms', v); };
await t('cold', () => pushTree(c, r.options()));
console.log(picture(r.remote,{state:true}));
await t('same', () => pushTree(c, r.options()));
await t('same', () => pushTree(c, r.options()));
write(r.local, {'a.py':'print(2)\n'});
await t('changed', () => pushTree(c, r.options()));
write(r.remote, {'a.py':'print(3)\n'});
await t('hand', () => pushTree(c, r.options()));
write(r.remote, {'results/x/1.json':'{}', 'results/y/2.json':'x'.repeat(3e5)});
await t('pull', () => pullTree(c, {localRoot:r.local, remoteRoot:r.remote, runtimeDir, patterns:['results/**']}));
await t('pull', () => pullTree(c, {localRoot:r.local, remoteRoot:r.remote, runtimeDir, patterns:['results/**'], files:['nope']}));
} finally { r.remove(); c.dispose(); }
