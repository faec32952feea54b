"""Cosmos 3 of a few thousand random weights, with a tokenizer of words: made here, without a download."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def make_pipeline() -> Any:
    """Return diffusers' pipeline with a tiny transformer and autoencoder."""
    import torch
    from diffusers import AutoencoderKLWan, Cosmos3OmniPipeline, Cosmos3OmniTransformer, UniPCMultistepScheduler
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    torch.manual_seed(0)
    words = ["<unk>", "<|vision_start|>", "<|im_end|>", "lift", "the", "red", "cube", "user", "assistant"]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    text = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", eos_token="<|im_end|>", pad_token="<|im_end|>"
    )
    text.chat_template = "{% for m in messages %}{{ m['role'] }} {{ m['content'] }} {% endfor %}assistant "
    channels = 4
    vae = AutoencoderKLWan(
        base_dim=4, z_dim=channels, dim_mult=[1, 1, 1, 1], num_res_blocks=1, latents_mean=[0.0] * channels,
        latents_std=[1.0] * channels,
    )  # fmt: skip
    transformer = Cosmos3OmniTransformer(
        head_dim=16, hidden_size=32, intermediate_size=48, latent_channel=channels, latent_patch_size=2, num_attention_heads=2,
        num_key_value_heads=1, num_hidden_layers=2, patch_latent_dim=4 * channels, vocab_size=len(words), action_dim=16, action_gen=True,
        rope_scaling={"mrope_section": [4, 2, 2]}, dtype="float32",
    )  # fmt: skip
    scheduler = UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=5.0)
    pipeline = Cosmos3OmniPipeline(transformer, text, vae, scheduler, enable_safety_checker=False)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def save_pipeline(folder: Path) -> Path:
    """Write the pipeline as a checkpoint, and return its folder."""
    make_pipeline().save_pretrained(folder)
    return folder
