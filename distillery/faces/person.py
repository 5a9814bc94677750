"""Who is in the picture: the traits which do not change from image to image."""

from dataclasses import dataclass

import numpy as np

from distillery.faces.colour import linear

RACES = ("african", "asian", "caucasian")
# Anny's age parameter against years, at MakeHuman's anchors: baby, child, young, old.
AGE_YEARS = (1.0, 12.0, 25.0, 90.0)
AGE_PARAMETER = (0.0, 1 / 3, 2 / 3, 1.0)

# Display colours (sRGB, 0..255) at the lighter and darker end of each group; our choice.
SKINS = {
    "african": ((150, 102, 74), (92, 60, 45)),
    "asian": ((240, 208, 178), (202, 158, 122)),
    "caucasian": ((246, 212, 192), (214, 166, 138)),
}
HAIRS = {
    "african": ((22, 18, 17), (40, 28, 22)),
    "asian": ((20, 18, 20), (42, 30, 24)),
    "caucasian": ((40, 28, 20), (92, 60, 36), (142, 98, 52), (196, 160, 100), (128, 58, 28)),
}
IRISES = {
    "african": ((50, 30, 18),),
    "asian": ((56, 34, 20),),
    "caucasian": ((70, 118, 168), (84, 128, 92), (92, 62, 36), (112, 130, 146)),
}
SHIRTS = ((40, 52, 92), (150, 40, 44), (210, 210, 206), (46, 46, 50), (52, 104, 84), (188, 150, 64), (112, 132, 168))


@dataclass(frozen=True, kw_only=True)
class Person:
    """Colours are linear RGB; sizes are relative to the usual one unless a unit is given."""

    identity: str
    gender: str
    race: str
    age: float  # years
    phenotypes: dict[str, float]  # anny's parameters
    skin: np.ndarray
    hair: np.ndarray
    iris: np.ndarray
    shirt: np.ndarray
    style: str  # bald, short, long
    recession: float  # how far the hairline has gone back, 0..1
    fringe: float  # metres by which long or short hair hangs over the forehead
    length: float  # template height in metres at which long hair ends
    beard: float  # cover 0..1
    brow: float
    lipstick: float
    glasses: bool
    freckles: float
    expressiveness: float
    paint_seed: int

    def attributes(self) -> dict[str, int]:
        """The 0/1 columns, of what is really painted or worn."""
        return {
            "beard": int(self.beard > 0.5),
            "bald": int(self.style == "bald"),
            "long_hair": int(self.style == "long"),
            "lipstick": int(self.lipstick > 0.5),
            "glasses": int(self.glasses),
        }


def sample_person(rng: np.random.Generator, *, identity: str) -> Person:
    """A random person; styles follow gender and age loosely, as they do in photographs."""
    gender, race = str(rng.choice(["male", "female"])), str(rng.choice(RACES))
    age = float(rng.uniform(5, 20) if rng.random() < 0.3 else rng.uniform(18, 80))
    male, adult = gender == "male", age >= 18
    style, recession = _sample_hair(rng, male=male, age=age)
    light, dark = (linear(colour) for colour in SKINS[race])
    tone = rng.beta(2, 2)
    return Person(
        identity=identity,
        gender=gender,
        race=race,
        age=age,
        phenotypes=_sample_phenotypes(rng, male=male, race=race, age=age),
        skin=(light * (1 - tone) + dark * tone) * rng.normal(1, 0.025, size=3),
        hair=_hair_colour(rng, race=race, age=age),
        iris=linear(IRISES[race][rng.integers(len(IRISES[race]))]) * rng.uniform(0.8, 1.2),
        shirt=linear(SHIRTS[rng.integers(len(SHIRTS))]) * rng.uniform(0.7, 1.2),
        style=style,
        recession=recession,
        fringe=float(rng.choice([0.0, 0.012, 0.03], p=[0.5, 0.25, 0.25])),
        length=float(rng.uniform(0.44, 0.62)),
        beard=_sample_beard(rng, grown=male and adult),
        brow=float(rng.uniform(0.95, 1.35) if male else rng.uniform(0.65, 1.0)),
        lipstick=float(rng.uniform(0.8, 1.0) if not male and age >= 16 and rng.random() < 0.5 else 0.0),
        glasses=bool(rng.random() < (0.12 if age < 45 else 0.3)),
        freckles=float(rng.uniform(0.3, 1.0) if race == "caucasian" and rng.random() < 0.25 else 0.0),
        expressiveness=float(rng.uniform(0.9, 1.1)),
        paint_seed=int(rng.integers(2**31)),
    )


def _sample_phenotypes(rng: np.random.Generator, *, male: bool, race: str, age: float) -> dict[str, float]:
    """Gender is 0 for male and 1 for female in anny; the named race outweighs the two others together."""
    shares = {name: rng.uniform(0.0, 0.12) for name in RACES} | {race: 1.0}
    side = rng.uniform(0.0, 0.12)
    build = {
        name: float(np.clip(rng.normal(0.5, 0.17), 0.05, 0.95))
        for name in ("muscle", "weight", "height", "proportions")
    }
    years = float(np.interp(age, AGE_YEARS, AGE_PARAMETER))
    return {
        "gender": side if male else 1 - side,
        "age": years,
        **build,
        **{name: float(share) for name, share in shares.items()},
    }


def _sample_hair(rng: np.random.Generator, *, male: bool, age: float) -> tuple[str, float]:
    chance = rng.random()
    if male and age >= 30 and chance < 0.10 + 0.004 * (age - 30):
        return "bald", 1.0
    recession = float(rng.uniform(0, 0.8) * np.interp(age, [25, 70], [0, 1])) if male else 0.0
    long = rng.random() < (0.08 if male else 0.78)
    return ("long", min(recession, 0.2)) if long else ("short", recession)


def _sample_beard(rng: np.random.Generator, *, grown: bool) -> float:
    """Cover of the beard; grown men without one still show a shadow of it."""
    if not grown:
        return 0.0
    return float(rng.uniform(0.75, 1.0) if rng.random() < 0.4 else rng.uniform(0.05, 0.25))


def _hair_colour(rng: np.random.Generator, *, race: str, age: float) -> np.ndarray:
    """Linear RGB; greys from 40 on."""
    young = linear(HAIRS[race][rng.integers(len(HAIRS[race]))]) * rng.uniform(0.8, 1.2)
    grey = float(np.clip(np.interp(age, [40, 70], [0, 1]) + rng.normal(0, 0.15), 0, 1)) if age > 40 else 0.0
    return young * (1 - grey) + linear((188, 186, 182)) * rng.uniform(0.7, 1.05) * grey
