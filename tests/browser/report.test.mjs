// The report in a real Chromium: node --test, after npm ci. BULK_UNLOCK names the program, CHROMIUM the browser;
// SCREENSHOTS, where it is set, a folder that gets pictures of the page.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const root = resolve(import.meta.dirname, "../..");
const program = resolve(process.env.BULK_UNLOCK ?? join(root, "target/debug/bulk-unlock"));
const browser = process.env.CHROMIUM ?? "/usr/bin/chromium";
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const shots = process.env.SCREENSHOTS;

const folder = mkdtempSync(join(tmpdir(), "bulk-unlock-browser-"));
const hostile = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`;
let context;

function run(args) {
  // Rows that do not end well are no failure of the program.
  try {
    return execFileSync(program, args, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  } catch (error) {
    if (error.status === 1) return error.stdout;
    throw new Error(`${args.join(" ")}: ${error.status} ${error.stderr}`);
  }
}

/** A results file with this many rows, every second of them not well, and no summary beside it. */
function results(name, rows) {
  const columns = "row,user_id,email,username,methods,outcome,http_status,is_token_locked,is_sms_locked,is_voice_locked,attempts,duration_ms,error,finished_at";
  const lines = [columns];
  const quoted = (text) => `"${text.replaceAll('"', '""')}"`;
  for (let row = 1; row <= rows; row += 1) {
    const at = new Date(Date.UTC(2026, 10, 24, 2) + row * 20).toISOString();
    lines.push(row % 2
      ? `${row},user-${row},u${row}@example.com,,TOKEN|SMS,unlocked,200,false,false,,1,${row % 700},,${at}`
      : `${row},user-${row},${quoted(hostile)},u${row},TOKEN,still_locked,200,true,,,6,${row % 3000},${quoted(`reason ${row % 7} ${hostile}`)},${at}`);
  }
  writeFileSync(join(folder, name), `${lines.join("\n")}\n`);
}

/** The page, opened as its reader does, with everything that it asks for and complains about. */
async function open(name, settings = {}) {
  const page = await context.newPage();
  const seen = { requests: [], complaints: [] };
  page.on("request", (request) => seen.requests.push(request.url()));
  page.on("console", (message) => seen.complaints.push(message.text()));
  page.on("pageerror", (error) => seen.complaints.push(String(error)));
  page.on("dialog", (dialog) => { seen.complaints.push(dialog.message()); return dialog.dismiss(); });
  await page.setViewportSize({ width: settings.width ?? 1280, height: 900 });
  await page.emulateMedia({ colorScheme: settings.scheme ?? "light", media: settings.media ?? "screen" });
  const url = pathToFileURL(join(folder, name)).href;
  await page.goto(url, { waitUntil: "load" });
  return { page, seen, url };
}

async function shot(page, name) {
  if (shots) await page.screenshot({ path: join(shots, `${name}.png`), fullPage: true });
}

/** The cells of a table's body, as texts. */
function cells(page, id) {
  return page.$$eval(`#${id} tbody tr`, (rows) =>
    rows.map((row) => Array.from(row.cells, (cell) => cell.textContent)));
}

before(async () => {
  assert.ok(existsSync(program), `${program} is not there: cargo build`);
  const users = readFileSync(join(root, "samples/users.csv"), "utf8").trimEnd().split("\n").slice(0, 150);
  const ids = users.slice(1).map((line) => line.split(",")[0]);
  const rows = [...ids, ids[0], "00000000-0000-4000-8000-000000000000", "00000000-0000-4000-8000-000000000001", "not-a-guid", "=cmd()", hostile];
  const quote = (id) => `"${id.replaceAll('"', '""')}"`;
  writeFileSync(join(folder, "users.csv"), `user_id\n${rows.map(quote).join("\n")}\n`);
  writeFileSync(join(folder, "good.csv"), `${users.slice(0, 21).join("\n")}\n`);
  run(["run", "users.csv", "--simulate", "--rate", "100", "--results", `<b>&"x".csv`, "--overwrite", "--reason", hostile, "--html", "run.html"]);
  run(["run", "good.csv", "--simulate", "--rate", "100", "--results", "good.results.csv", "--only-locked", "--html", "good.html"]);
  results("killed.csv", 300);
  run(["report", "killed.csv", "--html", "killed.html"]);
  results("many.csv", 12_000);
  run(["report", "many.csv", "--html", "many.html"]);
  context = await chromium.launchPersistentContext(mkdtempSync(join(folder, "profile-")), {
    executablePath: browser,
    headless: true,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync"],
  });
});

after(async () => {
  await context?.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("the report", () => {
  for (const name of ["run", "good", "killed", "many"]) {
    test(`${name}: complains of nothing and asks for nothing`, async () => {
      const { page, seen, url } = await open(`${name}.html`);
      await page.waitForTimeout(0);
      assert.deepEqual(seen.complaints, []);
      assert.deepEqual(seen.requests, [url]);
      assert.equal(await page.$$eval("img, iframe, object, link", (all) => all.length), 0);
      assert.equal(await page.$$eval("script", (all) => all.length), 1);
      assert.match(await page.title(), /bulk-unlock$/);
      await page.close();
    });

    // A checker takes its time over 5,000 rows, which are all alike.
    if (name === "many") continue;
    for (const [scheme, width] of [["light", 1280], ["dark", 1280], ["light", 360]]) {
      test(`${name}: axe finds no fault, ${scheme}, ${width} wide`, async () => {
        const { page } = await open(`${name}.html`, { scheme, width });
        await shot(page, `${name}-${scheme}-${width}`);
        await page.evaluate(axe);
        const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
        const faults = found.violations.map((fault) => `${fault.impact} ${fault.id}: ${fault.nodes[0].html.slice(0, 200)} ${fault.nodes[0].failureSummary}`);
        assert.deepEqual(faults, []);
        const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.equal(over, 0, "the page itself does not scroll sideways");
        await page.close();
      });
    }
  }

  test("pictures and tables show the summary's numbers", async () => {
    const summary = JSON.parse(readFileSync(join(folder, `<b>&"x".csv.json`), "utf8"));
    const { page } = await open("run.html");
    const outcomes = Object.fromEntries((await cells(page, "outcomes-numbers")).map(([name, count]) => [name, Number(count)]));
    const expected = Object.fromEntries(Object.entries(summary.rows.by_outcome).filter(([, count]) => count > 0));
    assert.deepEqual(outcomes, expected);
    assert.ok(Object.keys(outcomes).length >= 3, JSON.stringify(outcomes));

    const bars = await page.$$eval("#outcomes-title ~ figure svg.wide", ([svg]) => ({
      lengths: Array.from(svg.querySelectorAll("rect"), (bar) => Number(bar.getAttribute("width"))),
      texts: Array.from(svg.querySelectorAll("text"), (text) => text.textContent.trim()),
    }));
    const counts = Object.keys(outcomes).map((name) => outcomes[name]);
    assert.deepEqual(bars.texts.filter((_, n) => n % 2).map(Number), counts);
    const most = Math.max(...counts);
    const longest = Math.max(...bars.lengths);
    counts.forEach((count, n) =>
      assert.ok(Math.abs(bars.lengths[n] - Math.max(2, (longest * count) / most)) <= 2, `bar ${n}`));

    const sum = (rows, column) => rows.reduce((all, row) => all + Number(row[column]), 0);
    const time = await cells(page, "time-numbers");
    const sent = Object.values(summary.requests).flatMap((answers) => Object.values(answers)).reduce((a, b) => a + b, 0);
    assert.equal(sum(time, 1), sent);
    assert.equal(sum(time, 2), summary.throttled.responses_429);
    assert.equal(sum(time, 3), summary.rows.done);
    assert.equal(sum(await cells(page, "latency-numbers"), 1), sent);

    const columns = await page.$$eval("#time-title ~ figure svg.wide rect", (all) => all
      .filter((bar) => ["#0969DA", "#CF222E"].includes(bar.getAttribute("fill"))).length);
    const drawn = time.filter((row) => Number(row[1]) > Number(row[2])).length + time.filter((row) => Number(row[2]) > 0).length;
    assert.equal(columns, drawn, "a column for each step with requests, and one for each with 429");

    const requests = Object.fromEntries((await cells(page, "requests")).map(([call, answer, count]) => [`${call} ${answer}`, Number(count)]));
    for (const [call, answers] of Object.entries(summary.requests)) {
      for (const [answer, count] of Object.entries(answers)) assert.equal(requests[`${call} ${answer}`], count);
    }
    const bad = ["still_locked", "unverified", "not_found", "invalid", "forbidden", "failed"].reduce((all, kind) => all + summary.rows.by_outcome[kind], 0);
    assert.equal((await cells(page, "rows")).length, bad);
    assert.ok((await page.textContent("h1")).startsWith(`${bad} of ${summary.rows.done} rows`));
    await page.close();
  });

  test("locks are shown as look-ups found them, and as they are now", async () => {
    const before = JSON.parse(readFileSync(join(folder, "good.results.csv.json"), "utf8")).charts.locks_before;
    assert.equal(before.looked_up, 20);
    const records = readFileSync(join(folder, "good.results.csv"), "utf8").trimEnd().split("\n").slice(1).map((line) => line.split(","));
    const { page } = await open("good.html");
    const shown = Object.fromEntries((await cells(page, "locks-numbers")).map(([method, ...counts]) => [method, counts]));
    ["TOKEN", "SMS", "VOICE"].forEach((method, n) => {
      const now = (flag) => String(records.filter((record) => record[7 + n] === flag).length);
      assert.deepEqual(shown[method], [String(before.locked[method]), now("false"), now("true"), now("")]);
    });
    assert.ok(Object.values(before.locked).some((count) => count > 0), "somebody was locked");
    await page.close();
  });

  test("what others wrote is shown and does not act", async () => {
    const { page } = await open("run.html");
    const text = await page.textContent("body");
    for (const shown of [hostile, `<b>&"x".csv`]) assert.ok(text.includes(shown), shown);
    assert.equal(await page.$$eval("main b, main img, header img", (all) => all.length), 0);
    await page.close();
  });

  test("rows are found and turned over, and those left out are told of", async () => {
    const { page } = await open("many.html");
    const visible = () => page.$$eval("#rows tbody tr", (rows) => rows.filter((row) => row.offsetParent).length);
    assert.equal(await visible(), 50);
    assert.equal(await page.textContent("#found"), "1 to 50 of 5000");
    await page.click("#on");
    assert.equal(await page.textContent("#found"), "51 to 100 of 5000");
    await page.fill("#search", "REASON 3  user-2014");
    assert.equal(await page.textContent("#found"), "No row has that");
    await page.fill("#search", "STILL user-2014");
    assert.equal(await visible(), 1);
    assert.match(await page.textContent("#rows tbody tr:not([hidden])"), /user-2014/);
    const note = await page.textContent("main");
    assert.ok(note.includes("These are the first 5000 of 6000. The other 1000 stand in many.csv"), "left out");
    await page.close();
  });

  test("dark and light differ, and paper is light", async () => {
    const colours = [];
    for (const settings of [{ scheme: "light" }, { scheme: "dark" }, { scheme: "dark", media: "print" }]) {
      const { page } = await open("run.html", settings);
      colours.push(await page.evaluate(() => [
        getComputedStyle(document.body).backgroundColor,
        getComputedStyle(document.querySelector("svg text")).fill,
      ].join(" ")));
      if (settings.media) {
        await shot(page, "run-print");
        assert.equal(await page.isVisible("#tools"), false);
        if (shots) await page.pdf({ path: join(shots, "run.pdf"), format: "A4" });
      }
      await page.close();
    }
    assert.equal(new Set(colours).size, 3, colours.join(" / "));
    assert.match(colours[2], /rgb\(255, 255, 255\)/);
  });
});
