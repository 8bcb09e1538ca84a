"""Networks as scikit-learn estimators: skorch trains them, NumPy arrays keep them.

What went wrong with the networks of earlier work cannot here: the best epoch's weights are copied
and put back; dropout and batch normalisation are switched by training and prediction themselves;
rows are shuffled; everything drawn at random is seeded; and the rows that say when to stop are of
artists that are not learned from.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import StratifiedGroupKFold

from audiogenre.errors import MissingExtraError, UsageError

Values = npt.NDArray[np.float32]
_N_FOLDS = 5


def require() -> None:
    """Check that PyTorch and skorch are installed, without importing them.

    Raises
    ------
    MissingExtraError
    """
    from importlib.util import find_spec

    if find_spec("torch") is None or find_spec("skorch") is None:
        raise MissingExtraError("A neural network (--model mlp, cnn)", "neural")


class NetworkClassifier(ClassifierMixin, BaseEstimator, ABC):  # type: ignore[misc]
    """A network that is trained with Adam on cross-entropy and stops early.

    A subclass says what the network is (`network`) and what of `X` goes in (`inputs`).

    Parameters
    ----------
    rate : float > 0
        Learning rate of Adam.
    decay : float >= 0
        Decoupled weight decay (Loshchilov and Hutter 2019).
    batch_size : int > 0
    epochs : int > 0
        At most.
    patience : int > 0
        Epochs without a better validation loss after which training stops.
    seed : int
    device : str
        ``auto`` is a GPU where there is one, else the CPU.

    Attributes
    ----------
    classes_ : ndarray
    weights_ : dict of str to ndarray
        Parameters and running statistics of the best epoch.
    history_ : dict
        ``train_loss``, ``valid_loss``, ``train_accuracy`` and ``valid_accuracy`` by epoch, and the
        ``best_epoch``, counted from 1.
    """

    __metadata_request__fit = {"groups": True}  # scikit-learn's way to ask for them  # noqa: RUF012

    def __init__(
        self,
        *,
        rate: float = 1e-3,
        decay: float = 0.0,
        batch_size: int = 32,
        epochs: int = 200,
        patience: int = 30,
        seed: int = 0,
        device: str = "auto",
    ) -> None:
        self.rate = rate
        self.decay = decay
        self.batch_size = batch_size
        self.epochs = epochs
        self.patience = patience
        self.seed = seed
        self.device = device

    @abstractmethod
    def network(self, n_inputs: int, n_labels: int) -> Any:
        """Return the network with new weights: inputs to scores before the softmax."""

    def inputs(self, X: Any) -> Any:
        """Return rows as the tensor that goes in."""
        import torch

        return torch.as_tensor(np.asarray(X, dtype=np.float32))

    def fit(self, X: Any, y: npt.ArrayLike, groups: npt.ArrayLike | None = None) -> Any:
        """Learn from four fifths of the groups; the others say when to stop.

        Parameters
        ----------
        X : ndarray, shape (n, d)
        y : ndarray, shape (n,)
        groups : ndarray, shape (n,), optional
            Without them each row is one.
        """
        require()
        import torch

        self.classes_, codes = np.unique(np.asarray(y), return_inverse=True)
        self.n_features_in_ = X.shape[1]
        groups = np.arange(len(codes)) if groups is None else np.asarray(groups)
        learn, held = held_out(codes, groups, seed=self.seed)
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            net = self._trainer(len(learn), X[held], codes[held])
            net.fit(self._rows(X[learn]), codes[learn].astype(np.int64))
        self._keep(net)
        return self

    def _rows(self, X: Any) -> Any:
        """Return rows in the form that skorch's loader cuts into batches."""
        return self.inputs(X)

    def _trainer(self, n_learn: int, X_held: Any, y_held: Any) -> Any:
        import torch
        from skorch import NeuralNetClassifier
        from skorch.callbacks import EarlyStopping, EpochScoring
        from skorch.dataset import Dataset
        from skorch.helper import predefined_split

        held = Dataset(self._rows(X_held), y_held.astype(np.int64))
        return NeuralNetClassifier(
            self.network(self.n_features_in_, len(self.classes_)),
            criterion=torch.nn.CrossEntropyLoss,
            optimizer=torch.optim.AdamW,
            optimizer__weight_decay=self.decay,
            lr=self.rate,
            max_epochs=self.epochs,
            batch_size=self.batch_size,
            iterator_train__shuffle=True,
            # Batch normalisation knows no spread of a single row.
            iterator_train__drop_last=n_learn % self.batch_size == 1 and n_learn > 1,
            train_split=predefined_split(held),
            classes=np.arange(len(self.classes_)),
            callbacks=[
                EpochScoring("accuracy", name="train_acc", lower_is_better=False, on_train=True),
                EarlyStopping(patience=self.patience, threshold=0.0, load_best=True),
            ],
            callbacks__print_log=None,
            device=self._device(),
            verbose=0,
        )

    def _device(self) -> str:
        import torch

        if self.device != "auto":
            return self.device
        return str(torch.accelerator.current_accelerator() or "cpu")

    def _keep(self, net: Any) -> None:
        """Keep weights and course of the training; pass on the Ctrl-C that skorch swallows."""
        stopped = dict(net.callbacks_)["EarlyStopping"]
        if len(net.history) < self.epochs and stopped.misses_ < self.patience:
            raise KeyboardInterrupt
        self.weights_ = {
            name: each.detach().cpu().numpy() for name, each in net.module_.state_dict().items()
        }
        curves = {
            "train_loss": "train_loss",
            "valid_loss": "valid_loss",
            "train_accuracy": "train_acc",
            "valid_accuracy": "valid_acc",
        }
        self.history_ = {
            **{name: [float(each) for each in net.history[:, key]] for name, key in curves.items()},
            "best_epoch": int(stopped.best_epoch_),
        }

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the probability of each label, shape (n, n_labels)."""
        require()
        import torch

        device = self._device()
        network = self.network(self.n_features_in_, len(self.classes_))
        network.load_state_dict({k: torch.tensor(v) for k, v in self.weights_.items()})
        network.to(device).eval()
        starts = range(0, len(X), self.batch_size)
        with torch.inference_mode():
            scores = [
                network(self.inputs(X[start : start + self.batch_size]).to(device))
                for start in starts
            ]
            shares = torch.softmax(torch.cat(scores).double(), dim=1)
        return np.asarray(shares.cpu().numpy())

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the likeliest label of each row, shape (n,)."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])


def held_out(
    codes: npt.NDArray[np.int64], groups: npt.NDArray[Any], *, seed: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Set about a fifth of the groups aside, so that every label is still learned.

    Returns
    -------
    learn, held : ndarray
        Row numbers.

    Raises
    ------
    UsageError
        If no cut leaves every label something to learn from.
    """
    n_groups, most = len(np.unique(groups)), int(np.bincount(codes).max())
    n_splits = min(_N_FOLDS, n_groups, most)
    if n_splits >= 2:
        folds = StratifiedGroupKFold(n_splits, shuffle=True, random_state=seed)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The least populated class")
            for learn, held in folds.split(codes, codes, groups):
                if len(np.unique(codes[learn])) == len(np.unique(codes)) and len(held):
                    return learn, held
    raise UsageError(
        "a network needs artists to learn from and others to tell when to stop, of every label: "
        "add music, leave labels out with --only, or take another --model"
    )
