"""Opens a report.html in headless Chromium as a reader would: python3 tests/page/check.py FOLDER (that of pinhole locate).

Needs playwright from PyPI and a Chromium; `.ci/run` brings both where it can.
"""

import json
import re
import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

folder = Path(sys.argv[1]).resolve()
page_file = folder / "report.html"
result = json.loads((folder / "result.json").read_text())
passed = 0


def check(what, holds, detail=""):
    global passed
    if not holds:
        sys.exit(f"{page_file}: {what}: {detail}")
    passed += 1


def number(text):
    return float(text.replace("−", "-"))


check("under 6 MB", page_file.stat().st_size < 6_000_000, page_file.stat().st_size)
chromium = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(
        executable_path=chromium, args=["--no-sandbox", "--use-gl=swiftshader", "--enable-unsafe-swiftshader"]
    )
    for width, height in [(1280, 900), (390, 844)]:
        page = browser.new_page(viewport={"width": width, "height": height})
        errors, requests = [], []
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(page_file.as_uri())
        page.wait_for_function("document.documentElement.dataset.drawn === 'yes'")
        page.wait_for_timeout(1000)
        check("no error on the console", not errors, errors)
        outside = [url for url in requests if not url.startswith(("data:", "blob:", page_file.as_uri()))]
        check("nothing is fetched", not outside, outside)
        check("nothing wider than the window", page.evaluate("document.documentElement.scrollWidth <= innerWidth"))

        if result["leaks"]:
            # The mouse on the leak: the words are those of its cell.
            wall = result["leaks"][0]["wall"]
            page.locator("#map").scroll_into_view_if_needed()
            box = page.locator("#map").bounding_box()
            at = page.evaluate(
                """([u, v]) => { const l = document.getElementById('map')._fullLayout;
                return [l.xaxis._offset + l.xaxis.l2p(u), l.yaxis._offset + l.yaxis.l2p(v)]; }""",
                [wall["u_m"], wall["v_m"]],
            )
            page.mouse.move(box["x"] + at[0] + 2, box["y"] + at[1] + 2)
            page.wait_for_selector("#map .hovertext")
            told = page.locator("#map .hovertext").first.text_content()
            check("hover names the leak's wall", wall["id"] in told or "u " in told, told)
            u, v = (number(re.search(rf"{axis} (−?[0-9.]+) m", told).group(1)) for axis in "uv")
            check("hover shows the leak's place", abs(u - wall["u_m"]) < 0.05 and abs(v - wall["v_m"]) < 0.05, told)
            cell = page.evaluate(
                """([u, v]) => { const map = document.getElementById('map').data[0];
                const near = (axis, x) => axis.reduce((best, y, i) => Math.abs(y - x) < Math.abs(axis[best] - x) ? i : best, 0);
                return map.text[near(map.y, v)][near(map.x, u)]; }""",
                [wall["u_m"], wall["v_m"]],
            )
            level = number(re.search(r"(−?[0-9.]+) dB", cell).group(1))
            check("the leak's cell is the loudest of its wall", -1.0 <= level <= 0.0, cell)
            share = re.search(r"this cell (below )?([0-9.]+) %", cell)
            check("probability is a percentage", share and number(share.group(2)) <= 100.0, cell)

        # The module turns under the mouse.
        page.locator("#module").scroll_into_view_if_needed()
        eye = "JSON.stringify(document.getElementById('module')._fullLayout.scene._scene.getCamera().eye)"
        before, box = page.evaluate(eye), page.locator("#module").bounding_box()
        middle = [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2]
        page.mouse.move(*middle)
        page.mouse.down()
        page.mouse.move(middle[0] + 60, middle[1] + 20, steps=5)
        page.mouse.up()
        page.wait_for_timeout(300)
        check("the module turns", page.evaluate(eye) != before, before)

        # The keyboard reaches the choosers, and what they choose is drawn.
        page.locator("#pair-choice").focus()
        title = "document.getElementById('pair')._fullLayout.title.text"
        before = page.evaluate(title)
        page.keyboard.press("ArrowDown")
        page.wait_for_timeout(300)
        check("another pair is drawn", page.evaluate(title) != before, before)
        check("no error after that", not errors, errors)
        if width > 1000:
            pdf = page.pdf(format="A4", print_background=True)
            pages = len(re.findall(rb"/Type\s*/Page[^s]", pdf))
            check("one to three sheets of paper", 1 <= pages <= 3, pages)
        page.close()
    browser.close()
print(f"{passed} passed, 0 failed")
