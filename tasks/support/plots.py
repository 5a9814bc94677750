"""``distillery plots``: DVC's plots on a page that loads nothing; DVC's own page takes its scripts from the web."""

import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import vl_convert

from distillery.errors import DistilleryError
from distillery.files import whole_file

FOLDER = Path("dvc_plots")
SNIPPET = "window.vegaEmbed = vegaEmbed"
PAGE = "<!DOCTYPE html><title>Plots</title><meta charset=utf-8><script>{}</script>{{plot_divs}}"


def draw_plots(revisions: list[str]) -> Path:
    """Draw the working tree's plots, or several revisions (commits, branches, experiments) over each other.

    What DVC says of it goes to standard error: for instance that a revision lacks data. Returns the page.

    Raises:
        DistilleryError: DVC cannot, its own words say why; or there is nothing to draw.
    """
    page = FOLDER / "index.html"
    asked = ["diff", *revisions] if revisions else ["show"]
    with TemporaryDirectory() as folder:
        template, drawn = Path(folder) / "page.html", Path(folder) / "drawn"
        # Within a string of a script both mean the same; only the second does not end it.
        scripts = vl_convert.javascript_bundle(SNIPPET).replace("</script", "<\\/script")
        template.write_text(PAGE.format(scripts))
        command = ["plots", *asked, "--html-template", str(template), "--out", str(drawn)]
        done = subprocess.run([sys.executable, "-m", "dvc", *command], capture_output=True, text=True, check=False)
        if done.returncode:
            raise DistilleryError(f"dvc plots {' '.join(asked)}: {done.stderr.strip().removeprefix('ERROR: ')}")
        sys.stderr.write(done.stderr)
        if not (drawn / page.name).is_file():
            raise DistilleryError("there are no plots yet; `dvc repro` makes them")
        with whole_file(page) as draft:
            shutil.copyfile(drawn / page.name, draft)
    print(page.resolve().as_uri())
    return page
