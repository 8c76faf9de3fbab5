"""Maneja el explorador del informe en un navegador de verdad: ratón, dedos, teclado.

    python .ci/explorer_checks.py     con un informe de noventa dibujos

Usa playwright con el Chromium del sistema. Cada paso es lo que haría una persona, y comprueba lo que vería.
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

CLOSE = "la foto que se señala no aparece al lado del mapa"


def drawn_report(folder: Path) -> Path:  # el informe
    "Un informe de noventa dibujos de gatos y perros, con uno en el grupo que no es."
    import numpy as np
    import pandas as pd

    from catsdogs_clustering.dataset import draw_sample
    from catsdogs_clustering.report import write_report

    paths = draw_sample(folder / "dibujos", n=90)
    rng = np.random.default_rng(0)
    cluster = np.array([int(Path(path).name.startswith("dog")) for path in paths])
    vectors = rng.normal(size=(len(paths), 16)) + 6 * cluster[:, None]
    table = pd.DataFrame(
        {"path": paths, "cluster": cluster, "confidence": rng.random(len(paths)), "outlier": cluster > 5}
    )
    table.loc[0, "cluster"] = 1 - table.loc[0, "cluster"]  # una fallada
    return write_report(folder / "informe.html", table, vectors, "Noventa dibujos")


class Driver:
    "El explorador abierto en una pestaña, y los problemas que se van viendo."

    def __init__(self, page):
        self.page, self.problems = page, []

    def expect(self, condition: bool, problem: str) -> None:
        "Apunta un problema si no se cumple lo esperado."
        if not condition:
            self.problems.append(problem)

    def soon(self, condition: Callable[[], bool], problem: str) -> None:
        "Apunta un problema si lo esperado no llega; una máquina ocupada puede tardar, y eso no es un fallo."
        for _ in range(200):
            if condition():
                return
            self.page.wait_for_timeout(100)
        self.problems.append(problem)

    def text(self, selector: str) -> str:  # lo que se lee
        return self.page.locator(selector).inner_text()

    def rows(self) -> int:  # líneas de la lista
        return self.page.locator("#lista li").count()

    def map_box(self) -> dict:  # x, y, width, height
        "El mapa, entero en la pantalla."
        self.page.locator("#lienzo").evaluate(
            "canvas => canvas.scrollIntoView({ block: 'center', behavior: 'instant' })"
        )
        return self.page.locator("#lienzo").bounding_box()

    def drag(self, points: list[tuple[float, float]], steps: int = 4) -> None:
        "Arrastra el ratón por unos puntos del mapa, dados en partes de su ancho y su alto."
        box = self.map_box()
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
        self.page.mouse.move(*places[0])
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*place, steps=steps)
        self.page.mouse.up()
        self.page.wait_for_timeout(100)


def check_filters(driver: Driver) -> None:
    "Los botones de los grupos y «Ver»."
    page, total = driver.page, driver.rows()
    page.locator("#grupos-vistos button").first.click()
    driver.soon(lambda: 0 < driver.rows() < total, "apagar un grupo no quita sus fotos de la lista")
    page.locator("#grupos-vistos button").first.click()
    driver.soon(lambda: driver.rows() == total, "encender el grupo otra vez no las devuelve")
    titles = page.locator("#cuales option").all_inner_texts()
    driver.expect({"dudosas", "falladas"} <= set(titles), f"faltan señas en «Ver»: {titles}")
    page.select_option("#cuales", label="falladas")
    driver.soon(lambda: driver.rows() == 1, "filtrar las falladas no deja la única que hay")
    page.select_option("#cuales", label="todas")


def check_hover(driver: Driver) -> None:
    "Señalar y tocar."
    page, found, box = driver.page, False, driver.map_box()
    for row in range(1, 20):
        for column in range(1, 40):
            page.mouse.move(box["x"] + column / 40 * box["width"], box["y"] + row / 20 * box["height"])
        found = found or page.locator("#elegida b").count() > 0
    driver.expect(found, CLOSE)
    if found:
        driver.expect("confianza" in driver.text("#elegida"), "no se dice la confianza de la foto")
        before = driver.text("#elegida b")
        page.locator("#elegida .near button").first.click()
        driver.soon(lambda: driver.text("#elegida b") != before, "las más parecidas no llevan a su foto")


def check_selection(driver: Driver) -> None:
    "El recuadro y el lazo."
    page = driver.page
    page.click('[data-mode="recuadro"]')
    driver.drag([(0.02, 0.02), (0.98, 0.98)])
    driver.soon(lambda: "Elegidas" in driver.text("#cuenta"), "el recuadro no elige nada")
    page.click("#olvidar")
    driver.drag([(0.02, 0.02), (0.98, 0.98)], steps=1)
    driver.soon(lambda: "Elegidas" in driver.text("#cuenta"), "un recuadro hecho de un tirón no elige nada")
    everything = driver.rows()
    page.click('[data-mode="lazo"]')
    driver.drag([(0.02, 0.02), (0.55, 0.02), (0.55, 0.98), (0.02, 0.98)])
    driver.soon(lambda: 0 < driver.rows() < everything, "el lazo no elige sólo una parte")
    driver.expect(
        page.locator('#lista [aria-selected="true"]').count() == driver.rows(),
        "la lista no enseña lo que se elige en el mapa",
    )


def check_export(driver: Driver) -> None:
    "Guardar las rutas elegidas, y copiarlas."
    page, names = driver.page, driver.page.locator("#lista li").all_inner_texts()
    with page.expect_download() as waiting:
        page.click("#guardar")
    saved = Path(waiting.value.path()).read_text(encoding="utf-8").splitlines()
    same = [Path(p).name for p in saved] == [Path(n).name for n in names]
    driver.expect(same, "lo guardado no es lo elegido")
    page.click("#copiar")
    driver.soon(lambda: "pegar" in driver.text("#cuenta"), "copiar las rutas no dice que ya se pueden pegar")
    page.click("#olvidar")
    driver.expect(driver.text("#cuenta").startswith("Se ven"), "no se puede deshacer la elección")


def check_keyboard(driver: Driver) -> None:
    "La lista y el mapa, sin ratón."
    page = driver.page
    page.locator("#lista").focus()
    for key in ("Home", "ArrowDown", "ArrowDown", " "):
        page.keyboard.press(key)
    selected = page.locator('#lista [aria-selected="true"]')
    driver.expect(selected.count() == 1, "el espacio no elige la foto de la lista")
    driver.expect(page.locator("#elegida b").count() == 1, CLOSE)
    active = page.get_attribute("#lista", "aria-activedescendant")
    marked = bool(active) and page.locator(f"#{active}").count() == 1
    driver.expect(marked, "no se sabe qué línea está activa")
    for key in ("ArrowDown", " "):
        page.keyboard.press(key)
    driver.expect(selected.count() == 2, "no se puede elegir otra foto de la lista sin soltar la primera")
    page.keyboard.press("Control+a")
    driver.expect(driver.rows() > 1, "Ctrl+A no las elige todas")
    page.keyboard.press("Escape")
    driver.expect(driver.text("#cuenta").startswith("Se ven"), "Escape no deshace la elección")
    page.locator("#lienzo").focus()
    for key in "+++++++":
        page.keyboard.press(key)
    driver.soon(
        lambda: page.get_attribute("#lienzo", "data-drawn") == "fotos", "de cerca no se ven miniaturas"
    )
    page.keyboard.press("0")


def check_explorer(
    page,  # una pestaña de playwright, con permiso para el portapapeles
    path: Path,  # el informe
) -> list[str]:  # problemas, uno por línea; ninguno si todo va bien
    "Maneja el explorador de un informe, paso a paso."
    heard = []
    page.on("console", lambda message: heard.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("request", lambda r: heard.append(f"pide {r.url[:80]}") if r.url.startswith("http") else None)
    page.goto(Path(path).resolve().as_uri())
    page.wait_for_selector("#lienzo[data-ready]", timeout=60_000)
    page.set_viewport_size({"width": 1280, "height": 900})
    driver = Driver(page)
    for step in (check_hover, check_filters, check_selection, check_export, check_keyboard):
        step(driver)
    return [f"{Path(path).name}: {problem}" for problem in driver.problems + heard]


def main() -> int:  # → código de salida
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = drawn_report(Path(folder))
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
        problems = check_explorer(context.new_page(), path)
        browser.close()
    print("\n".join(problems) or "El explorador responde al ratón y al teclado.")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
