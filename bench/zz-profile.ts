import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { Scenario, root } from '../e2e/scenario.ts';
import { customerCount } from '../demo/src/shop.ts';
import { ShopCustomers } from '../e2e/shop-customers.ts';
const bins = (process.env.BINS ?? root).split(',');
const rounds = Number(process.env.ROUNDS ?? 6);
const scenario = await Scenario.begin('speed');
const until = Date.now() + Number(process.env.FOR ?? 540) * 1000;
try {
  await scenario.shop();
  const file = await scenario.migration();
  for (const c of [['vm','join'],['deploy']]) { const r = await scenario.meshlift(file, ...c); if (r.exitCode !== 0) throw new Error(scenario.log.join('\n')); }
  await scenario.customersShopping();
  await new ShopCustomers(scenario.stage).become({ RATE: '1', CATALOG_RATE: '140', RECOMMENDATION_RATE: '60' });
  await scenario.meanwhile(1000);
  console.log('ready', file, scenario.stage.lab.kubeconfig);
  const res: Record<string, { ack: number[]; agreed: number[]; back: number[]; cpu: number[]; bcpu: number[] }> = {};
  const run = async (bin: string, cmd: string[], env: Record<string,string>) => new Promise<{ack:number;agreed:number;total:number;cpu:number;code:number|null;skew:string}>((ok) => {
    const t = performance.now(); const passed = () => (performance.now()-t)/1000;
    const waiting = new Set(scenario.stage.lab.clusters.map(({name})=>name)); let ack=NaN, agreed=NaN, buf='';
    const p = spawn('/usr/bin/time', ['-f','CPU %U %S %M', process.execPath, join(bin,'packages/meshlift/bin/meshlift.js'), '-f', file, ...cmd], { env: { ...process.env, KUBECONFIG: scenario.stage.lab.kubeconfig, ...env } });
    let cpu = NaN; let all='';
    p.stdout.on('data',()=>{});
    p.stderr.setEncoding('utf8').on('data', (d) => { buf += d; all += d; let i; while ((i = buf.indexOf('\n')) >= 0) { const line = buf.slice(0,i); buf = buf.slice(i+1);
      if (/ agreed by \d+ clusters$/.test(line)) agreed = passed();
      waiting.delete(/proxies in (\S+) serve it after/.exec(line)?.[1] ?? ''); if (waiting.size===0 && Number.isNaN(ack)) ack = passed();
      const m = /^CPU (\S+) (\S+)/.exec(line); if (m) cpu = Number(m[1])+Number(m[2]); } });
    p.on('close', (code) => { if (code) console.log(all); ok({ack,agreed,total:passed(),cpu,code,skew:''}); });
  });
  let n = 0;
  const count0 = await customerCount(scenario.stage); const t0 = Date.now();
  while (n < rounds && Date.now() < until) { n++;
    for (const bin of n % 2 ? bins : [...bins].reverse()) {
      const traced: Record<string,string> = n <= 2 ? { NODE_OPTIONS: '--import=/tmp/speed/trace.mjs', TRACE_OUT: `/tmp/speed/trace-${bins.indexOf(bin)}` } : {};
      const r = (res[bin] ??= { ack: [], agreed: [], back: [], cpu: [], bcpu: [] });
      const s = await run(bin, ['shift', String(n % 2 ? 40 + n : 60 + n)], traced);
      const s2 = await run(bin, ['shift', String(n % 2 ? 15 + n : 80 + (n%15))], {});
      const b = await run(bin, ['rollback'], traced);
      for (const x of [s, s2]) { r.ack.push(x.ack); r.agreed.push(x.agreed); r.cpu.push(x.cpu); }
      r.back.push(b.agreed); r.bcpu.push(b.cpu);
      console.log(bin, 'shift', s.ack.toFixed(2), s.agreed.toFixed(2), s.total.toFixed(2), 'cpu', s.cpu, '|', s2.ack.toFixed(2), s2.agreed.toFixed(2), s2.total.toFixed(2), s2.cpu, '| rollback', b.ack.toFixed(2), b.agreed.toFixed(2), b.total.toFixed(2), 'cpu', b.cpu);
    }
  }
  const count1 = await customerCount(scenario.stage);
  console.log('rate', ((count1.catalogCalls?.total ?? 0) - (count0.catalogCalls?.total ?? 0)) / ((Date.now()-t0)/1000), 'failed', count1.requests.failed - count0.requests.failed);
  const q = (v: number[], p: number) => { const s = v.filter(x=>x===x).sort((a,b)=>a-b); return (s[Math.min(s.length-1, Math.floor(p*s.length))] ?? NaN).toFixed(2); };
  for (const [bin, r] of Object.entries(res)) console.log(bin, 'n', r.ack.length, 'ack p50', q(r.ack,.5), 'p95', q(r.ack,.95), 'agreed', q(r.agreed,.5), 'back p50', q(r.back,.5), 'max', q(r.back,1), 'cpu', q(r.cpu,.5), 'bcpu', q(r.bcpu,.5));
  if (process.env.PROF) { for (const c of [['shift','33'],['rollback']]) await run(bins.at(-1)!, c, { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=/tmp/speed/prof` }); 
   for (const c of [['shift','35']]) await run(bins.at(-1)!, c, { DUMP: '1' }); }
  // world facts for the helper
  console.log('FOLDER', file);
  if (existsSync('/tmp/speed/extra.sh')) await new Promise((ok) => spawn('bash', ['/tmp/speed/extra.sh', file, scenario.stage.lab.kubeconfig, scenario.stage.labName], { stdio: 'inherit' }).on('close', ok));
} finally { await scenario.end(); }
