# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Names of classes to the tokens that a grounding model reads, as its processor in `transformers` writes them.

The tokenizer is read from `tokenizer.json`, which is data: nothing in a model's folder is run.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from face_detect_ros.core.errors import ConfigError, WeightsError
from face_detect_ros.files.reading import LARGE_BYTES, read_text

TOKENIZER_FILE = "tokenizer.json"


def class_names(text: str) -> tuple[str, ...]:
    """The classes that "person, red cup" lists, each once.

    Raises:
        ConfigError: There is none.
    """
    names = tuple(dict.fromkeys(" ".join(part.split()) for part in text.split(",") if part.strip()))
    if not names:
        raise ConfigError(
            "a grounding model finds what a text names: set classes to what to look for, such as person, red cup"
        )
    return names


def read_tokenizer(folder: Path) -> Any:
    """The tokenizer in a model's folder.

    Raises:
        WeightsError: It is missing or damaged.
    """
    from tokenizers import Tokenizer

    file = folder / TOKENIZER_FILE
    text = read_text(
        file, most_bytes=LARGE_BYTES, error=WeightsError, hint="copy it from where the model came from"
    )
    try:
        tokenizer = Tokenizer.from_str(text)
    except Exception as error:  # the library raises plain Exceptions
        raise WeightsError(f"{file}: not a tokenizer ({' '.join(str(error).split())[:200]})") from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


@dataclass(frozen=True, eq=False)
class Phrase:
    """One text that names all classes, "person. red cup.", as Grounding DINO reads it.

    Attributes:
        inputs: input_ids, token_type_ids and attention_mask, (1, T) int64 each.
        tokens: (C, T) bool: those of each class.
    """

    inputs: dict[str, torch.Tensor]
    tokens: torch.Tensor

    @classmethod
    def of(cls, names: tuple[str, ...], tokenizer: Any, most_tokens: int) -> Phrase:
        """All classes as one text.

        Args:
            names: The classes.
            tokenizer: Of the model.
            most_tokens: That the model reads.

        Raises:
            ConfigError: There are too many classes, or a name has no letter that the model knows.
        """
        plain = [name.lower().replace(".", " ") for name in names]
        encoded = tokenizer.encode(". ".join(plain) + ".")
        if len(encoded.ids) > most_tokens:
            raise ConfigError(
                f"classes: {len(names)} classes are {len(encoded.ids)} tokens, but this model reads {most_tokens}; "
                "name fewer"
            )
        tokens = torch.zeros((len(plain), len(encoded.ids)), dtype=torch.bool)
        start = 0
        for index, name in enumerate(plain):
            for token, (first, end) in enumerate(encoded.offsets):
                inside = start <= first < end <= start + len(name)
                tokens[index, token] = inside and not encoded.special_tokens_mask[token]
            start += len(name) + len(". ")
            if not tokens[index].any():
                raise ConfigError(f"classes: '{names[index]}' holds nothing that this model can read")
        columns = {
            "input_ids": encoded.ids,
            "token_type_ids": encoded.type_ids,
            "attention_mask": encoded.attention_mask,
        }
        return cls({name: torch.tensor([values]) for name, values in columns.items()}, tokens)


def separate(names: tuple[str, ...], tokenizer: Any, length: int) -> dict[str, torch.Tensor]:
    """Each class as a text, and the task that names them all, as OmDet-Turbo reads them.

    Args:
        names: Classes.
        tokenizer: With a token that ends a text, which fills it up too, as CLIP's does.
        length: Tokens of each text; longer ones are cut.

    Returns:
        The model's inputs beside the pixels, for one image.
    """
    texts = {"classes": list(names), "tasks": [f"Detect {', '.join(names)}."]}
    inputs: dict[str, torch.Tensor] = {"classes_structure": torch.tensor([len(names)])}
    for kind, lines in texts.items():
        rows, masks = [], []
        for line in lines:
            ids = tokenizer.encode(line).ids
            ids = ids if len(ids) <= length else [*ids[: length - 1], ids[-1]]
            rows.append(ids + [ids[-1]] * (length - len(ids)))
            masks.append([1] * len(ids) + [0] * (length - len(ids)))
        inputs[f"{kind}_input_ids"] = torch.tensor(rows)
        inputs[f"{kind}_attention_mask"] = torch.tensor(masks)
    return inputs
