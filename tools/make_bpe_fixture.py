#!/usr/bin/env python3
"""Makes tests/fixtures/text/bpe.json: a small byte-level BPE by tokenizers 0.23.3, trained on texts of text_cases.py."""
import pathlib

import text_cases
import tokenizers
from tokenizers import decoders, models, pre_tokenizers, processors, trainers

assert tokenizers.__version__ == "0.23.3", tokenizers.__version__
WORDS = """the room was clean and quiet; they're we've I'd it's don't breakfast isn't worth 12 or 1999, naïve café,  two   spaces
the staff were helpful, the bed was hard. 房间很干净，早餐一般。酒店的位置很好 ΟΔΟΣ привет мир это хороший отель""".split("\n")
t = tokenizers.Tokenizer(models.BPE())
t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
t.decoder = decoders.ByteLevel()
trainer = trainers.BpeTrainer(vocab_size=700, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"], show_progress=False,
                              initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
t.train_from_iterator([*text_cases.random_texts(500), *(WORDS * 30)], trainer)
t.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
out = pathlib.Path(__file__).resolve().parents[1] / "tests/fixtures/text/bpe.json"
out.write_text(t.to_str(pretty=False), encoding="utf-8")
print(out.stat().st_size)
