"""A YAML file as plain data. What a small file could blow up to, and what YAML lets pass in silence, is refused."""

from pathlib import Path

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from distillery.errors import DistilleryError

MAX_BYTES = 1 << 20
MAX_NODES = 100_000  # after every alias is replaced by what it stands for
MAX_SHOWN = 300  # characters of a message
CORE = "tag:yaml.org,2002:"
MERGE = f"{CORE}merge"
TAGS = {f"{CORE}{name}" for name in ("str", "int", "float", "bool", "null", "seq", "map")}


def read_yaml(path: Path) -> object:
    """What a YAML file holds: mappings with distinct text keys, sequences, text, numbers, yes/no and null.

    Raises:
        DistilleryError: the file is missing, too large or not YAML; a key is there twice or is no text; a value has
            another type; aliases that refer to themselves or multiply beyond ``MAX_NODES``. Names the line.
    """
    text = _text(path)
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        if root is None:
            return None
        _count(root, path, {})
        return loader.construct_document(root)
    except yaml.YAMLError as error:
        raise DistilleryError(f"{path}: not YAML: {_short(error)}") from error
    except RecursionError:
        raise DistilleryError(f"{path}: not YAML that can be read: nested too deeply") from None
    except (ValueError, LookupError, OverflowError) as error:  # of the reader of a scalar
        raise DistilleryError(f"{path}: not YAML: {_short(error)}") from error


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise DistilleryError(f"{path}: more than {MAX_BYTES} bytes")
        return content.decode()
    except OSError as error:
        raise DistilleryError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise DistilleryError(f"{path}: not UTF-8 at byte {error.start}") from error


def _count(node: Node, path: Path, known: dict[int, int]) -> int:
    """The number of nodes below one, aliases counted each time; checks each node once on the way."""
    if (count := known.get(id(node))) is not None:
        if not count:
            raise DistilleryError(f"{_line(path, node)}: an alias refers to what it is a part of")
        return count
    known[id(node)] = 0  # until it is counted
    if node.tag not in TAGS:
        raise DistilleryError(f"{_line(path, node)}: a value of type {_name(node)}; put it in quotes")
    known[id(node)] = total = 1 + sum(_count(child, path, known) for child in _children(node, path))
    if total > MAX_NODES:
        raise DistilleryError(f"{_line(path, node)}: aliases multiply to more than {MAX_NODES} values")
    return total


def _children(node: Node, path: Path) -> list[Node]:
    match node:
        case SequenceNode():
            return list(node.value)
        case MappingNode():
            _check_keys(node, path)
            return [value for _, value in node.value]
        case _:
            return []


def _check_keys(node: MappingNode, path: Path) -> None:
    seen: dict[str, Node] = {}
    for key, _ in node.value:
        if not isinstance(key, ScalarNode) or key.tag not in (f"{CORE}str", MERGE):
            raise DistilleryError(f"{_line(path, key)}: the key {_short(key.value)} is no text; put it in quotes")
        if key.value in seen:
            first = seen[key.value].start_mark.line + 1
            raise DistilleryError(
                f"{_line(path, key)}: the key '{_short(key.value)}' was there in line {first} already"
            )
        seen[key.value] = key


def _line(path: Path, node: Node) -> str:
    return f"{path}, line {node.start_mark.line + 1}"


def _name(node: Node) -> str:
    return _short(node.tag.removeprefix(CORE))


def _short(what: object) -> str:
    text = str(what) if isinstance(what, str | Exception) else "(not a single word)"
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."
