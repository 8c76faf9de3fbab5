"""La ortografía de lo que alguien lee: prosa, mensajes, descripciones y comentarios, con hunspell.

    python .ci/spelling.py             enumera las palabras que no conocen ni el diccionario ni la lista
    python .ci/spelling.py --palabras  sólo las palabras, y cuántas veces sale cada una

Hace falta hunspell con su diccionario de español (`apt-get install hunspell hunspell-es`). Los nombres
propios y los términos que el diccionario no trae están en terms.txt, uno por línea y en orden. No se
miran el código entre comillas invertidas, las direcciones, los nombres de archivos ni los términos
ingleses, que van en cursiva.
"""

import argparse
import ast
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tokenize
from collections import Counter
from pathlib import Path

import website

ROOT = Path(__file__).resolve().parents[1]
TERMS = Path(__file__).with_name("terms.txt")
PAGES = (
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "LICENCIAS.md",
    "nbs/404.qmd",
)  # además de los cuadernos
DICTIONARY = "es_ES"
LIST = 13  # tantas palabras seguidas, sin un signo, no son una frase
HOLE = "\ufffc"  # donde una cadena f pone un valor: la palabra que lo toca no se mira
ENGLISH = re.compile(r"(?ms)^## [^\n]*English.*?(?=^## |\Z)")  # un apartado para quien no lee español
NOT_PROSE = re.compile(
    "|".join(
        [
            r"(?ms)^ *(```|~~~).*?^ *\1",  # código
            r"(?s)<(style|script|svg)\b.*?</\2>",
            r"(?s)<!--.*?-->",
            r"(?s)<[a-zA-Z/][^<>]*>",  # etiquetas
            r'"\w+"',  # un valor, tal como se escribe
            r"``.+?``|`[^`]*`",
            r"(?s)\$\$.+?\$\$",
            r"\$[^$\n]+\$",
            r"\]\([^()\s]*(?:\([^()]*\)[^()\s]*)*\)",  # adónde lleva un enlace; su texto sí se mira
            r"\]\[[^\]\n]*\]",
            r"^\[[^\]\n]+\]: .*$",
            r"\{[.#][^{}\n]*\}",  # atributos de Quarto
            r"(?<![\w*])\*(?![\s*])[^*]+?(?<!\s)\*(?![\w*])",  # cursiva
            r"(?<![\w_])_(?![\s_])[^_]+?(?<!\s)_(?![\w_])",
            r"https?://\S+",
        ]
    )
    .replace("(?ms)", "")
    .replace("(?s)", ""),
    re.MULTILINE | re.DOTALL,
)
NOT_A_WORD = re.compile(  # identificadores, rutas, opciones, cantidades
    r"[_/\\=@<>{}\[\]|~^+\d" + HOLE + r"]|\w[.:]\w|\w\(\)|^-|^\W*\.\w|\w[A-Z][a-z]|[a-zà-ú][A-Z]"
)
WORD = re.compile(
    r"[_/\\=@<>{}\[\]|~^+\d" + HOLE + r"]|\w[.:]\w|\w\(\)|^-|^\W*\.\w|\w[A-Z][a-z]|[a-zà-ú][A-Z]"
)
WORD = re.compile(r"[^\W\d_]+")
NOT_TEXT = re.compile(r"[{};]\s*\n|</?[a-z]+>|^>|<$|^\s*(SELECT|CREATE|INSERT)\b")
ACCENT, PLAIN = re.compile("[áéíóú]"), str.maketrans("áéíóú", "aeiou")
EXACT = re.compile(r"[A-ZÑ]{2,}s?$")  # siglas


def words_of(text: str) -> list:
    "Las palabras de un texto, con Markdown o sin él, menos código, rutas y siglas."
    words = []
    for chunk in NOT_PROSE.sub(" ", ENGLISH.sub("", text)).split():
        if not NOT_A_WORD.search(chunk.lstrip("«“\"'(¿¡…*").rstrip("»”\"'),.;:?!…*")):
            words += [w for w in WORD.findall(chunk) if not EXACT.match(w)]
    return words


def is_text(value: str) -> bool:  # ¿es una frase, y no una clave, un programa o una página?
    "Una lista de palabras, sin puntuación o sin acabar ninguna frase en varias líneas, tampoco lo es."
    if " " not in value.strip() or NOT_TEXT.search(value) or is_python(value):
        return False
    if "\n" in value:
        return bool(re.search(r"[.?!…](\s|$)", value))
    return len(value.split()) < LIST or bool(re.search(r"[.,;:?!…()«»]", value))


def is_python(value: str) -> bool:
    try:
        ast.parse(value.replace(HOLE, "_"))
    except (SyntaxError, ValueError):
        return False
    return True


def strings(tree):  # → las cadenas de un programa, con un hueco donde se interpola algo
    "Recorre un programa sin entrar dos veces en las cadenas f."
    stack = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.JoinedStr):
            yield "".join(v.value if isinstance(v, ast.Constant) else HOLE for v in node.values)
            stack += [v.value for v in node.values if isinstance(v, ast.FormattedValue)]
        elif isinstance(node, ast.Constant):
            if isinstance(node.value, str):
                yield node.value
        else:
            stack += ast.iter_child_nodes(node)


def without_magics(source: str) -> str:
    return re.sub(r"(?m)^(\s*)[%!].*", r"\1pass", source)


def code_texts(source: str):
    "Los comentarios y las frases entre comillas de un programa de Python."
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            comment = token.string.lstrip("#")
            option = re.match(r"\| *(?:fig-alt|fig-cap|code-summary|tbl-cap):(.*)", comment)
            if option or not comment.startswith("|"):
                yield option[1] if option else comment
    yield from filter(is_text, strings(ast.parse(source)))


def names(source: str) -> set:
    "Los nombres de un programa y sus claves: los comentarios los citan sin comillas."
    found = {
        t.string for t in tokenize.generate_tokens(io.StringIO(source).readline) if t.type == tokenize.NAME
    }
    return found | {s for s in strings(ast.parse(source)) if s.isidentifier() and s.isascii()}


def read(path: Path) -> tuple:  # → sus textos, cada uno con sus palabras, y los nombres que usa su programa
    "Un cuaderno, un programa o una página en Markdown."
    text = path.read_text(encoding="utf-8")
    prose, programs = [text], []
    if path.suffix == ".py":
        prose, programs = [], [text]
    elif path.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        prose = ["".join(c["source"]) for c in cells if c["cell_type"] == "markdown"]
        programs = ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
        programs = [without_magics(p) for p in programs if not p.lstrip().startswith("%%")]
    named = set().union(*map(names, programs))
    texts = [*prose, *(text for p in programs for text in code_texts(p))]
    return [words_of(text) for text in texts], named


def files(root: Path) -> dict:  # ruta desde la raíz → sus textos, y los nombres que puede citar
    "Los cuadernos (de los que sale el paquete), las páginas sueltas y los programas que no se publican."
    pages = [root / name for name in PAGES if (root / name).is_file()]
    programs = sorted([*(root / ".ci").glob("*.py"), *(root / "benchmarks").glob("*.py")])
    paths = [*website.notebooks(root), *pages, *programs]
    package = root / website.settings(root)["lib_path"]
    modules = [path.read_text(encoding="utf-8") for path in package.rglob("*.py")]
    classes = {name for text in modules for name in re.findall(r"(?m)^class (\w+)", text)}
    found = {path.relative_to(root).as_posix(): read(path) for path in paths}
    return {name: (texts, named | classes) for name, (texts, named) in found.items()}


def available() -> bool:
    "¿Hay en esta máquina un hunspell con el diccionario de español?"
    if not shutil.which("hunspell"):
        return False
    return not hunspell(["casa"]) and bool(hunspell(["kasa"]))


def hunspell(words) -> set:  # → las que el diccionario no conoce
    "Pregunta al diccionario por muchas palabras de una vez."
    env = {**os.environ, "LC_ALL": "C.UTF-8"}
    command = ["hunspell", "-i", "UTF-8", "-d", DICTIONARY, "-l"]
    text = "\n".join(sorted(words)) + "\n"
    res = subprocess.run(command, input=text, text=True, encoding="utf-8", capture_output=True, env=env)
    return set(res.stdout.split())


def without_pronoun(word: str) -> str:  # "bórrala" → "borra", "abrirla" → "abrir"; otras, como están
    "El diccionario no trae todos los verbos con su pronombre; los que no acaban en -r llevan tilde."
    found = re.fullmatch(r"(.{2,}?)(me|te|se|nos|l[aeo]s?)", word.lower())
    if not found or not (ACCENT.search(found[1]) or re.search(r"[aeií]r$", found[1])):
        return word
    return found[1].translate(PLAIN)


def terms() -> list:  # los de terms.txt
    return TERMS.read_text(encoding="utf-8").split()


def all_words(found: dict) -> set:
    return {w for texts, _ in found.values() for words in texts for w in words}


def unknown_words(
    found: dict,
) -> dict:  # lo que da `files` → por archivo, cuántas veces sale cada desconocida
    """Una palabra se conoce si la trae el diccionario o la lista, que vale también con mayúscula inicial.

    Un texto cuyas palabras no trae en su mayor parte el diccionario no está en español, y no se mira.
    """
    known = set(terms())
    known |= {t[0].upper() + t[1:] for t in known}
    foreign = hunspell(all_words(found))
    still = hunspell({without_pronoun(w) for w in foreign})
    foreign = {w for w in foreign if without_pronoun(w) in still}
    unknown = {}
    for name, (texts, named) in found.items():
        spanish = [words for words in texts if sum(w in foreign for w in words) <= len(words) / 2]
        wrong = {w for w in foreign - known - named if len(w) > 2}
        unknown[name] = Counter(w for words in spanish for w in words if w in wrong)
    return unknown


def list_problems(found: dict) -> list:  # una línea por término mal puesto en la lista
    "La lista está en orden, sin repetidos, y no guarda términos que ya nadie usa."
    listed = terms()
    problems = []
    if listed != sorted(set(listed), key=lambda t: (t.casefold(), t)):
        problems.append(".ci/terms.txt: no está en orden, o repite alguno")
    used = all_words(found)
    idle = [t for t in listed if not used & {t, t[0].upper() + t[1:]}]
    return problems + [f".ci/terms.txt: nadie usa «{t}»" for t in idle]


def problems(root: Path) -> list:  # una línea por archivo y palabra
    "Las palabras que no conoce nadie, archivo a archivo, y lo que sobra en la lista de términos."
    found = files(root)
    unknown = unknown_words(found)
    return [f"{name}: «{w}»" for name, words in unknown.items() for w in words] + list_problems(found)


def main() -> int:  # → código de salida
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--palabras", action="store_true", help="sólo las palabras desconocidas y sus veces")
    args = parser.parse_args()
    if not available():
        print("no hay hunspell con su diccionario de español (apt-get install hunspell hunspell-es)")
        return 1
    lines = problems(ROOT)
    if args.palabras:
        counts = sum(unknown_words(files(ROOT)).values(), Counter())
        lines = [f"{n:4} {w}" for w, n in sorted(counts.items(), key=lambda c: (-c[1], c[0]))]
    print("\n".join(lines) or "el diccionario y la lista conocen todas las palabras")
    return bool(lines)


if __name__ == "__main__":
    sys.exit(main())
