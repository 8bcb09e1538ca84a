"""Loudness as broadcasters measure it: ITU-R BS.1770."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from audiogenre.features.spectrum import Array

_BLOCK_SECONDS, _STEPS = 0.4, 4  # gating blocks of BS.1770, which overlap by three quarters
_ABSOLUTE_GATE, _RELATIVE_GATE = -70.0, -10.0


def integrated_loudness(y: Array, *, sr: int) -> float:
    """Return the gated, K-weighted loudness of one channel.

    Parameters
    ----------
    y : ndarray, shape (n,), full scale 1
    sr : int, Hz

    Returns
    -------
    loudness : float, LUFS
        ITU-R BS.1770-5: ``-0.691 + 10 log10`` of the mean square of the weighted blocks of 0.4 s
        that are above -70 LUFS and at most 10 LU below the mean of those; -70 if there is none. A
        clip shorter than a block is one block.

    Examples
    --------
    A sine of 997 Hz at full scale is the standard's own example.

    >>> y = np.sin(2 * np.pi * 997 * np.arange(5 * 48_000) / 48_000)
    >>> round(integrated_loudness(y, sr=48_000), 1)
    -3.0
    """
    from scipy.signal import sosfilt

    weighted = sosfilt(k_weighting(sr).astype(y.dtype), y)
    step = max(1, min(round(_BLOCK_SECONDS * sr), len(y)) // _STEPS)
    n_steps = len(y) // step
    steps = np.square(weighted[: n_steps * step]).reshape(n_steps, step).mean(axis=1)
    blocks = np.convolve(steps, np.full(_STEPS, 1 / _STEPS), mode="valid")
    audible = blocks[_lufs(blocks) > _ABSOLUTE_GATE]
    if len(audible) == 0:
        return _ABSOLUTE_GATE
    gate = _lufs(audible.mean()) + _RELATIVE_GATE
    return float(_lufs(audible[_lufs(audible) > gate].mean()))


def _lufs(power: Any) -> Any:
    return -0.691 + 10 * np.log10(np.maximum(power, 1e-12))


def k_weighting(sr: int) -> npt.NDArray[np.float64]:
    """Return the filter of BS.1770: a shelf for the head, then a high-pass.

    Parameters
    ----------
    sr : int, Hz

    Returns
    -------
    sos : ndarray, shape (2, 6)
        At 48,000 Hz the coefficients of the standard; at other rates those of the same analogue
        filters, as De Man ("Evaluation of implementations of the EBU R128 loudness measurement",
        AES 2018) gives them.
    """
    k, q, gain = np.tan(np.pi * 1681.974450955533 / sr), 0.7071752369554196, 10**0.19999219269867
    middle = gain**0.4996667741545416
    shelf = [gain + middle * k / q + k * k, 2 * (k * k - gain), gain - middle * k / q + k * k]
    sos = [_biquad(shelf, k, q)]
    k, q = np.tan(np.pi * 38.13547087602444 / sr), 0.5003270373238773
    scale = 1 + k / q + k * k  # the standard leaves the high-pass at unit numerator
    sos.append(_biquad([scale, -2 * scale, scale], k, q))
    return np.array(sos)


def _biquad(numerator: list[float], k: float, q: float) -> list[float]:
    denominator = [1 + k / q + k * k, 2 * (k * k - 1), 1 - k / q + k * k]
    return [each / denominator[0] for each in (*numerator, *denominator)]
