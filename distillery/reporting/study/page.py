"""The study's page in Markdown: networks, claims, transfer."""

from collections.abc import Mapping, Sequence

import numpy as np

from distillery.params import TEACHER
from distillery.params.study import Claim, Study
from distillery.reporting.study.compare import MEAN, Difference, Networks, Worth

PLACES = {"seen": "seen domains", "target": "target domain"}
HEAD = """# What the methods are worth

Made from `study/params.yaml` (`make study`; on photographs `make photos-study`): the pipeline's own networks in many
variants, each with {seeds}. Values are the primary metric (balanced accuracy, macro F1, concordance, area under the
curve) on test splits, by the ensemble of views, in the mean over the heads that are labelled there; ± is the standard
deviation over seeds. Intervals of differences are of {confidence:.0%} each: of other seeds by Student's t, of other
people by drawing the same ones for both networks. There are {claims} claims: among so many a few stand on the wrong
side of such an interval by chance. Data: {data}.

![The claims](study.png)

*Differences and their intervals; green holds, red is refuted, dark is open.*
"""
TRANSFER = """How far each head is above the network of that head alone, in the seen domains; **negative transfer**,
where the whole interval is below zero, stands out."""


def head_of_page(study: Study, data: str) -> str:
    """What the page is of and how its numbers are made."""
    seeds = f"the seeds {', '.join(map(str, study.seeds))}" if len(study.seeds) > 1 else f"the seed {study.seeds[0]}"
    return HEAD.format(seeds=seeds, confidence=study.confidence, claims=len(study.claims), data=data)


def write_networks(networks: Networks, heads: Sequence[str], zero_shot: Sequence[str]) -> list[str]:
    """A table of all networks: the mean over the heads that a domain labels, and each zero-shot head."""
    columns = [*PLACES.values(), *zero_shot]
    labelled = {
        place: [head for head in heads if any(networks.worth(name, head, place) for name in networks.names)]
        for place in PLACES
    }
    lines = ["## Networks", "", _row("network", "heads", "seeds", *columns), _rule(3 + len(columns))]
    for name in networks.names:
        mine = [head for head in heads if networks.worth(name, head, "seen")]
        means = [
            _mean_worth([networks.worth(name, head, place) for head in mine if head in labelled[place]])
            for place in PLACES
        ]
        means += [networks.worth(name, head, "seen") for head in zero_shot]
        counted = "all" if len(mine) == len(heads) else ", ".join(mine)
        lines.append(_row(_short(name), counted, str(len(means[0])), *map(_spread, means)))
    return lines


def write_claims(
    claims: Mapping[str, Claim], found: Mapping[str, Mapping[str, Difference]], heads: Sequence[str]
) -> list[str]:
    """A table of the claims, and below it one of their heads."""
    lines = ["", "## Claims", "", _row("name", "claim", "in", "difference", "seeds", "verdict"), _rule(6)]
    for name, claim in claims.items():
        by_head, result = found[name], ("", "0", "not trained")
        if by_head:
            mean = by_head[MEAN]
            result = (_shown(mean), str(mean.seeds), verdict(claim, by_head))
        lines.append(_row(name, claim.text, PLACES[claim.domains], *result))
    lines += ["", "## Claims by head", "", _row("name", *heads), _rule(1 + len(heads))]
    lines += [_by_head(name, by_head, heads) for name, by_head in found.items() if by_head]
    return lines


def write_transfer(found: Mapping[str, Mapping[str, Difference]], heads: Sequence[str]) -> list[str]:
    """A table of how far each head of a network is above the network of that head alone."""
    lines = ["", "## Transfer", "", TRANSFER, "", _row("network", *heads), _rule(1 + len(heads))]
    return lines + [_by_head(_short(name), by_head, heads, bold=True) for name, by_head in found.items() if by_head]


def verdict(claim: Claim, by_head: Mapping[str, Difference], head: str = MEAN) -> str:
    """Of one head, or of the mean over them: that of the worst head where it is said of each."""
    if head != MEAN or not claim.each:
        return by_head[head].verdict(claim.margin)
    verdicts = {difference.verdict(claim.margin) for name, difference in by_head.items() if name != MEAN}
    return "holds" if verdicts == {"holds"} else "refuted" if "refuted" in verdicts else "open"


def _mean_worth(worth: Sequence[Worth]) -> Worth:
    seeds = set.intersection(*map(set, worth)) if worth else set()
    return {seed: np.mean([values[seed] for values in worth], axis=0) for seed in sorted(seeds)}


def _spread(worth: Worth) -> str:
    points = [float(values[0]) for values in worth.values()]
    if not points:
        return ""
    return f"{np.mean(points):.3f}" + (f" ± {np.std(points, ddof=1):.3f}" if len(points) > 1 else "")


def _by_head(name: str, found: Mapping[str, Difference], heads: Sequence[str], *, bold: bool = False) -> str:
    cells = [_shown(found[head]) if head in found else "" for head in heads]
    if bold:
        cells = [
            f"**{cell}**" if cell and found[head].high < 0 else cell for head, cell in zip(heads, cells, strict=True)
        ]
    return _row(name, *cells)


def _short(name: str) -> str:
    """A network's name; without a round it is the teacher."""
    return name.removesuffix(f"/{TEACHER}")


def _shown(difference: Difference) -> str:
    return f"{difference.value:+.3f} ({difference.low:+.3f} to {difference.high:+.3f})"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _rule(columns: int) -> str:
    return "|" + " --- |" * columns
