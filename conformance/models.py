"""Models that both the survey of bits and the benchmarks train: the text of any PyTorch program, given either library as `torch`."""


def character_transformer(torch, *, symbols, width, heads, context, blocks):
    """Decoder of Radford et al. 2019: pre-norm blocks, causal attention, GELU; int64 [batch, time] -> [batch, time, symbols]."""
    nn, functional = torch.nn, torch.nn.functional

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.before_attention, self.before_mixing = nn.LayerNorm(width), nn.LayerNorm(width)
            self.to_heads, self.from_heads = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.mixing = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

        def forward(self, x):
            b, t, c = x.shape
            parts = self.to_heads(self.before_attention(x)).split(c, dim=2)
            q, k, v = (part.view(b, t, heads, c // heads).transpose(1, 2) for part in parts)
            mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.from_heads(mixed.transpose(1, 2).reshape(b, t, c))
            return x + self.mixing(self.before_mixing(x))

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.symbol, self.place = nn.Embedding(symbols, width), nn.Embedding(context, width)
            self.blocks = nn.Sequential(*[Block() for _ in range(blocks)])
            self.last, self.head = nn.LayerNorm(width), nn.Linear(width, symbols)

        def forward(self, text):
            x = self.symbol(text) + self.place(torch.arange(text.shape[1]))
            return self.head(self.last(self.blocks(x)))

    return Model()


def next_symbol_loss(torch, model, text):
    """Mean cross entropy of each symbol given those before it."""
    said = model(text[:, :-1])
    return torch.nn.functional.cross_entropy(said.reshape(-1, said.shape[-1]), text[:, 1:].reshape(-1))
