"""Construye el paquete a partir de settings.ini, la única lista de metadatos y dependencias."""

import re
from configparser import ConfigParser
from pathlib import Path

from setuptools import find_packages, setup

ini = ConfigParser(delimiters=["="])
ini.read("settings.ini", encoding="utf-8")
cfg = ini["DEFAULT"]

# En la página del registro no están los archivos que enlaza el README: allí se enlaza a los del repositorio.
readme = re.sub(
    r"(!?)\[([^\]]*)\]\((?!#|[a-z]+:)",
    lambda m: f"{m[1]}[{m[2]}]({cfg['git_url']}/{'raw' if m[1] else 'blob'}/{cfg['branch']}/",
    Path("README.md").read_text(encoding="utf-8"),
)

setup(
    name=cfg["lib_name"],
    version=cfg["version"],
    description=cfg["description"],
    long_description=readme,
    long_description_content_type="text/markdown",
    author=cfg["author"],
    author_email=cfg["author_email"],
    url=cfg["git_url"],
    keywords=cfg["keywords"],
    license="Apache-2.0",
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Education",
        "Natural Language :: Spanish",
        "Programming Language :: Python :: 3",
        *(f"Programming Language :: Python :: 3.{minor}" for minor in range(10, 14)),  # los que se prueban
        "Topic :: Scientific/Engineering :: Image Recognition",
    ],
    packages=find_packages(include=[cfg["lib_name"] + "*"]),
    python_requires=">=" + cfg["min_python"],
    install_requires=cfg["requirements"].split(),
    extras_require={
        "cuadernos": cfg["cuadernos_requirements"].split(),
        "parquet": cfg["parquet_requirements"].split(),
        "ray": (cfg["parquet_requirements"] + " " + cfg["ray_requirements"]).split(),
        "int8": cfg["int8_requirements"].split(),
        "dev": [
            requirement
            for extra in ("cuadernos", "parquet", "ray", "int8", "dev")
            for requirement in cfg[f"{extra}_requirements"].split()
        ],
        "bench": cfg["bench_requirements"].split(),
    },
    entry_points={
        "console_scripts": cfg["console_scripts"].split(),
        "nbdev": [
            f"{cfg['lib_path']}={cfg['lib_path']}._modidx:d"
        ],  # los nombres del paquete enlazan a su documentación
    },
    zip_safe=False,
)
