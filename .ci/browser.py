"""Abre el sitio en un navegador de verdad y mira lo que vería quien lo lee.

    python .ci/browser.py                       comprueba las páginas de _docs/
    python .ci/browser.py --capturas CARPETA    y guarda cómo se ve cada una, en tres anchos

De cada página, de día en un teléfono y de noche en una pantalla: que no falle ni pida nada a otro sitio, que
no enseñe Markdown sin convertir, que ninguna imagen carezca de texto alternativo, que nada se salga del
ancho, que axe no encuentre barreras serias y que no pese demasiado. Y el explorador del informe, manejado.
Hace falta Chromium (el de Debian, `chromium`) y playwright, que viene con las herramientas de desarrollo.
"""

import argparse
import gzip
import shutil
import sys
import tempfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import explorer_checks

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
VISITS = ((360, "light"), (1440, "dark"))  # ancho en píxeles, y tema
MAX_BYTES = 1_000_000  # de una página y sus imágenes, comprimidas
HEAVY = {"tool/report.html"}  # lleva un informe entero dentro
SERIOUS = {"serious", "critical"}
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}


def find_browser() -> str | None:  # ruta de un navegador, o None
    "El primer Chromium que haya en esta máquina."
    return next(filter(None, map(shutil.which, BROWSERS)), None)


class Quiet(SimpleHTTPRequestHandler):
    "Sirve el sitio sin contarlo."

    def log_message(self, *args):
        pass


class Visit:
    "Una pestaña que recorre las páginas con un ancho y un tema, y apunta lo que no va bien."

    def __init__(self, browser, host: str, width: int, theme: str):
        self.host, self.width, self.theme, self.problems = host, width, theme, []
        size = {"width": width, "height": 800}
        self.page = browser.new_context(viewport=size, color_scheme=theme).new_page()
        self.page.on("console", lambda m: m.type == "error" and self.note(f"consola: {m.text[:200]}"))
        self.page.on("pageerror", lambda error: self.note(f"programa: {str(error)[:200]}"))
        self.page.on("requestfailed", lambda request: self.note(f"no llega {request.url[:120]}"))
        self.page.on("request", lambda request: self.check_host(request.url))

    def note(self, problem: str) -> None:
        "Apunta un problema de la página en la que estamos."
        where = urlsplit(self.page.url).path.lstrip("/")
        self.problems.append(f"{where} [{self.width}, {self.theme}]: {problem}")

    def check_host(self, url: str) -> None:
        "Nada debe venir de otro sitio."
        if urlsplit(url).scheme in ("http", "https") and urlsplit(url).netloc != self.host:
            self.note(f"pide {url[:120]} a otro sitio")

    def check(self, name: str) -> None:  # ruta de la página, desde la portada
        "Abre una página y la mira."
        from axe_playwright_python.sync_playwright import Axe

        page = self.page
        page.goto(f"http://{self.host}/{name}", wait_until="load")
        page.wait_for_timeout(100)
        if page.evaluate("document.documentElement.scrollWidth") > self.width:
            self.note("es más ancha que la pantalla")
        if "](http" in page.inner_text("body"):
            self.note("enseña un enlace de Markdown sin convertir")
        for source in page.eval_on_selector_all("img:not([alt])", "all => all.map(i => i.src.slice(0, 60))"):
            self.note(f"imagen sin texto alternativo: {source}")
        for violation in Axe().run(page, options=RULES).response["violations"]:
            if violation["impact"] in SERIOUS:
                node = violation["nodes"][0]["html"].replace("\n", " ")[:120]
                self.note(f"axe {violation['id']}, {len(violation['nodes'])} veces: {node}")

    def close(self) -> list[str]:  # los problemas
        self.page.context.close()
        return self.problems


def page_weight(
    docs: Path,  # el sitio
    page: Path,  # una de sus páginas
) -> int:  # bytes, comprimidos
    "Lo que pesa una página con sus propias imágenes; lo que comparten todas no cuenta."
    import website

    own = [page]
    for link in website.Page(page.read_text(encoding="utf-8")).links:
        target = page.parent / ("" if urlsplit(link).scheme else link)
        if target.is_file() and target.suffix in (".png", ".jpg", ".jpeg", ".svg", ".webp"):
            own.append(target)
    return sum(len(gzip.compress(file.read_bytes(), 6)) for file in dict.fromkeys(own))


def site_pages(docs: Path) -> list[str]:  # rutas desde la portada
    "Las páginas del sitio."
    return sorted(p.relative_to(docs).as_posix() for p in docs.rglob("*.html") if "site_libs" not in p.parts)


def take_pictures(browser, host: str, pages: list[str], dest: Path) -> None:
    "Guarda cómo se ve cada página en un teléfono, una tableta y una pantalla."
    for width in (360, 768, 1440):
        page = browser.new_context(viewport={"width": width, "height": 900}).new_page()
        for name in pages:
            page.goto(f"http://{host}/{name}")
            file = dest / str(width) / (name.removesuffix(".html").replace("/", "-") + ".png")
            page.screenshot(path=file, full_page=True, animations="disabled")
        page.context.close()


def check_site(
    docs: Path,  # el sitio construido
    pictures: Path | None = None,  # dónde guardar las capturas; None, ninguna
) -> tuple[list[str], str]:  # problemas, y un resumen en una línea
    "Recorre el sitio entero."
    from playwright.sync_api import sync_playwright

    pages, problems = site_pages(docs), []
    for name in pages:
        weight = page_weight(docs, docs / name)
        if weight > MAX_BYTES and name not in HEAVY:
            problems.append(f"{name}: pesa {weight / 1e6:.1f} MB comprimida")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=docs))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    host = f"127.0.0.1:{server.server_port}"
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)
            for width, theme in VISITS:
                visit = Visit(browser, host, width, theme)
                for name in pages:
                    visit.check(name)
                problems += visit.close()
            if pictures:
                take_pictures(browser, host, pages, pictures)
            problems += check_explorer(browser)
            browser.close()
    finally:
        server.shutdown()
    return problems, f"{len(pages)} páginas, en un teléfono y en una pantalla, y el explorador"


def check_explorer(browser) -> list[str]:  # problemas
    "Maneja el explorador de un informe de dibujos, y le pasa axe de día y de noche."
    from axe_playwright_python.sync_playwright import Axe

    with tempfile.TemporaryDirectory() as folder:
        report = explorer_checks.drawn_report(Path(folder))
        context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
        problems = explorer_checks.check_explorer(context.new_page(), report)
        context.close()
        for theme in ("light", "dark"):
            context = browser.new_context(color_scheme=theme, bypass_csp=True)
            page = context.new_page()
            page.goto(report.as_uri())
            for violation in Axe().run(page, options=RULES).response["violations"]:
                if violation["impact"] in SERIOUS:
                    problems.append(f"{report.name} [{theme}]: axe {violation['id']}")
            context.close()
    return problems


def main() -> int:  # → código de salida
    "Comprueba _docs/, que debe estar construido."
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("docs", nargs="?", type=Path, default=Path("_docs"), help="el sitio (_docs)")
    parser.add_argument("--capturas", type=Path, metavar="CARPETA", help="guarda ahí cómo se ve cada página")
    args = parser.parse_args()
    if not (args.docs / "index.html").is_file():
        parser.error(f"no hay ningún sitio en {args.docs}: constrúyelo con python .ci/website.py")
    if not find_browser():
        parser.error("no hay ningún Chromium en esta máquina: apt-get install chromium")
    problems, summary = check_site(args.docs.resolve(), args.capturas)
    print("\n".join(problems) or f"Sin problemas: {summary}.")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
