"""What a report cites, and the numbered list of what one text really cited."""

from __future__ import annotations

REFERENCES = {
    # networks
    "lstm": "Hochreiter S, Schmidhuber J (1997). Long short-term memory. Neural Computation 9, "
    "1735-1780. doi:10.1162/neco.1997.9.8.1735",
    "forget gate": "Gers FA, Schmidhuber J, Cummins F (2000). Learning to forget: continual "
    "prediction with LSTM. Neural Computation 12, 2451-2471. doi:10.1162/089976600300015015",
    "bidirectional": "Schuster M, Paliwal KK (1997). Bidirectional recurrent neural networks. IEEE "
    "Transactions on Signal Processing 45, 2673-2681. doi:10.1109/78.650093",
    "peephole": "Gers FA, Schmidhuber J (2000). Recurrent nets that time and count. IJCNN 2000. "
    "doi:10.1109/IJCNN.2000.861302",
    "coupled": "Greff K, Srivastava RK, Koutník J, Steunebrink BR, Schmidhuber J (2017). LSTM: a "
    "search space odyssey. IEEE Transactions on Neural Networks and Learning Systems 28, "
    "2222-2232. doi:10.1109/TNNLS.2016.2582924",
    "layer_norm": "Ba JL, Kiros JR, Hinton GE (2016). Layer normalization. "
    "doi:10.48550/arXiv.1607.06450",
    "xlstm": "Beck M and others (2024). xLSTM: extended long short-term memory. "
    "doi:10.48550/arXiv.2405.04517",
    "multiplicative": "Krause B, Lu L, Murray I, Renals S (2016). Multiplicative LSTM for sequence "
    "modelling. doi:10.48550/arXiv.1609.07959",
    "dynamic": "Melis G, Kočiský T, Blunsom P (2020). Mogrifier LSTM. ICLR 2020. "
    "doi:10.48550/arXiv.1909.01792",
    "skip": "Campos V, Jou B, Giró-i-Nieto X, Torres J, Chang SF (2018). Skip RNN: learning to "
    "skip state updates in recurrent neural networks. ICLR 2018. doi:10.48550/arXiv.1708.06834",
    "fuzzy": "Takagi T, Sugeno M (1985). Fuzzy identification of systems and its applications to "
    "modeling and control. IEEE Transactions on Systems, Man, and Cybernetics 15, 116-132. "
    "doi:10.1109/TSMC.1985.6313399",
    "hierarchical": "Chung J, Ahn S, Bengio Y (2017). Hierarchical multiscale recurrent neural "
    "networks. ICLR 2017. doi:10.48550/arXiv.1609.01704",
    "convlstm": "Shi X, Chen Z, Wang H, Yeung DY, Wong WK, Woo WC (2015). Convolutional LSTM "
    "network: a machine learning approach for precipitation nowcasting. NIPS 2015. "
    "doi:10.48550/arXiv.1506.04214",
    "stem": "Quang D, Xie X (2016). DanQ: a hybrid convolutional and recurrent deep neural network "
    "for quantifying the function of DNA sequences. Nucleic Acids Research 44, e107. "
    "doi:10.1093/nar/gkw226",
    "both strands": "Shrikumar A, Greenside P, Kundaje A (2017). Reverse-complement parameter "
    "sharing improves deep learning models for genomics. bioRxiv 103663. doi:10.1101/103663",
    "attention": "Vaswani A and others (2017). Attention is all you need. NIPS 2017. "
    "doi:10.48550/arXiv.1706.03762",
    "variational dropout": "Gal Y, Ghahramani Z (2016). A theoretically grounded application of "
    "dropout in recurrent neural networks. NIPS 2016. doi:10.48550/arXiv.1512.05287",
    "weight drop": "Merity S, Keskar NS, Socher R (2018). Regularizing and optimizing LSTM "
    "language models. ICLR 2018. doi:10.48550/arXiv.1708.02182",
    # learning and judging
    "adamw": "Loshchilov I, Hutter F (2019). Decoupled weight decay regularization. ICLR 2019. "
    "doi:10.48550/arXiv.1711.05101",
    "stacking": "Wolpert DH (1992). Stacked generalization. Neural Networks 5, 241-259. "
    "doi:10.1016/S0893-6080(05)80023-1",
    "stacked regressions": "Breiman L (1996). Stacked regressions. Machine Learning 24, 49-64. "
    "doi:10.1007/BF00117832",
    "temperature": "Guo C, Pleiss G, Sun Y, Weinberger KQ (2017). On calibration of modern neural "
    "networks. ICML 2017. doi:10.48550/arXiv.1706.04599",
    "conformal": "Lei J, G'Sell M, Rinaldo A, Tibshirani RJ, Wasserman L (2018). Distribution-free "
    "predictive inference for regression. Journal of the American Statistical Association 113, "
    "1094-1111. doi:10.1080/01621459.2017.1307116",
    "bootstrap": "Efron B (1979). Bootstrap methods: another look at the jackknife. Annals of "
    "Statistics 7, 1-26. doi:10.1214/aos/1176344552",
    "pigeonhole": "Owen AB (2007). The pigeonhole bootstrap. Annals of Applied Statistics 1, "
    "386-411. doi:10.1214/07-AOAS122",
    "mover": "Zou GY, Donner A (2008). Construction of confidence limits about effect measures: a "
    "general approach. Statistics in Medicine 27, 1693-1702. doi:10.1002/sim.3095",
    "sov": "Zemla A, Venclovas Č, Fidelis K, Rost B (1999). A modified definition of Sov, a "
    "segment-based measure for protein secondary structure prediction assessment. Proteins 34, "
    "220-223. doi:10.1002/(SICI)1097-0134(19990201)34:2<220::AID-PROT7>3.0.CO;2-K",
    "rm2": "Roy PP, Roy K (2008). On some aspects of variable selection for partial least squares "
    "regression models. QSAR & Combinatorial Science 27, 302-313",
    # data
    "dssp": "Kabsch W, Sander C (1983). Dictionary of protein secondary structure: pattern "
    "recognition of hydrogen-bonded and geometrical features. Biopolymers 22, 2577-2637. "
    "doi:10.1002/bip.360221211",
    "mmseqs2": "Steinegger M, Söding J (2017). MMseqs2 enables sensitive protein sequence "
    "searching for the analysis of massive data sets. Nature Biotechnology 35, 1026-1028. "
    "doi:10.1038/nbt.3988",
    "ecfp": "Rogers D, Hahn M (2010). Extended-connectivity fingerprints. Journal of Chemical "
    "Information and Modeling 50, 742-754. doi:10.1021/ci100050t",
    "smiles": "Weininger D (1988). SMILES, a chemical language and information system. 1. "
    "Introduction to methodology and encoding rules. Journal of Chemical Information and Computer "
    "Sciences 28, 31-36. doi:10.1021/ci00057a005",
    "operons": "Salgado H, Moreno-Hagelsieb G, Smith TF, Collado-Vides J (2000). Operons in "
    "Escherichia coli: genomic analyses and predictions. PNAS 97, 6652-6657. "
    "doi:10.1073/pnas.110147297",
    # baselines
    "window": "Qian N, Sejnowski TJ (1988). Predicting the secondary structure of globular "
    "proteins using neural network models. Journal of Molecular Biology 202, 865-884. "
    "doi:10.1016/0022-2836(88)90564-5",
    "ridge": "Hoerl AE, Kennard RW (1970). Ridge regression: biased estimation for nonorthogonal "
    "problems. Technometrics 12, 55-67. doi:10.1080/00401706.1970.10488634",
    "boosting": "Friedman JH (2001). Greedy function approximation: a gradient boosting machine. "
    "Annals of Statistics 29, 1189-1232. doi:10.1214/aos/1013203451",
    "codons": "Sharp PM, Li WH (1987). The codon adaptation index: a measure of directional "
    "synonymous codon usage bias, and its potential applications. Nucleic Acids Research 15, "
    "1281-1295. doi:10.1093/nar/15.3.1281",
    "kronecker": "Pahikkala T and others (2015). Toward more realistic drug-target interaction "
    "predictions. Briefings in Bioinformatics 16, 325-337. doi:10.1093/bib/bbu010",
    "profiles": "van Laarhoven T, Nabuurs SB, Marchiori E (2011). Gaussian interaction profile "
    "kernels for predicting drug-target interaction. Bioinformatics 27, 3036-3043. "
    "doi:10.1093/bioinformatics/btr500",
    "alignment kernel": "Bleakley K, Yamanishi Y (2009). Supervised prediction of drug-target "
    "interactions using bipartite local models. Bioinformatics 25, 2397-2403. "
    "doi:10.1093/bioinformatics/btp433",
    # explanations
    "integrated gradients": "Sundararajan M, Taly A, Yan Q (2017). Axiomatic attribution for deep "
    "networks. ICML 2017. doi:10.48550/arXiv.1703.01365",
    "captum": "Kokhlikyan N and others (2020). Captum: a unified and generic model "
    "interpretability library for PyTorch. doi:10.48550/arXiv.2009.07896",
    # software and standards
    "pytorch": "Paszke A and others (2019). PyTorch: an imperative style, high-performance deep "
    "learning library. NeurIPS 2019. doi:10.48550/arXiv.1912.01703",
    "lightning": "Falcon W, The PyTorch Lightning team (2019). PyTorch Lightning. "
    "doi:10.5281/zenodo.3530844",
    "scikit-learn": "Pedregosa F and others (2011). Scikit-learn: machine learning in Python. "
    "Journal of Machine Learning Research 12, 2825-2830. doi:10.48550/arXiv.1201.0490",
    "biopython": "Cock PJA and others (2009). Biopython: freely available Python tools for "
    "computational molecular biology and bioinformatics. Bioinformatics 25, 1422-1423. "
    "doi:10.1093/bioinformatics/btp163",
    "rdkit": "RDKit: open-source cheminformatics. https://www.rdkit.org",
    "snakemake": "Mölder F and others (2021). Sustainable data analysis with Snakemake. "
    "F1000Research 10, 33. doi:10.12688/f1000research.29032.2",
    "dome": "Walsh I, Fishman D, Garcia-Gasulla D, Titma T, Pollastri G, ELIXIR Machine Learning "
    "Focus Group, Harrow J, Psomopoulos FE, Tosatto SCE (2021). DOME: recommendations for "
    "supervised machine learning validation in biology. Nature Methods 18, 1122-1127. "
    "doi:10.1038/s41592-021-01205-4",
}

# What to cite for an encoder, by its name in the settings.
ENCODERS = {
    "lstm": ("lstm", "forget gate"),
    "peephole": ("lstm", "peephole"),
    "coupled": ("lstm", "coupled"),
    "layer_norm": ("lstm", "layer_norm"),
    "exponential": ("xlstm",),
    "matrix": ("xlstm",),
    "multiplicative": ("lstm", "multiplicative"),
    "dynamic": ("lstm", "dynamic"),
    "skip": ("lstm", "skip"),
    "fuzzy": ("lstm", "fuzzy"),
    "hierarchical": ("lstm", "hierarchical"),
    "convlstm": ("lstm", "convlstm"),
}

# What to cite for a baseline, by its name in the figures; most are means and look-ups.
BASELINES = {
    "window classifier": ("window", "scikit-learn"),
    "codon ridge": ("ridge", "codons"),
    "k-mer ridge": ("ridge",),
    "k-mer boosting": ("boosting", "ridge", "codons", "scikit-learn"),
    "Kronecker ridge": ("kronecker", "alignment kernel"),
    "profile ridge": ("kronecker", "profiles", "alignment kernel"),
    "weighted neighbours": ("alignment kernel",),
}


class Bibliography:
    """References in the order in which a text first cited them."""

    def __init__(self) -> None:
        self._cited: list[str] = []

    def __call__(self, *keys: str) -> str:
        """Such as `` [1, 3]``, to stand behind a word; nothing for no key. KeyError: unknown."""
        for key in keys:
            if key not in REFERENCES:
                raise KeyError(key)
            if key not in self._cited:
                self._cited.append(key)
        numbers = sorted(self._cited.index(key) + 1 for key in dict.fromkeys(keys))
        return f" [{', '.join(map(str, numbers))}]" if numbers else ""

    @property
    def cited(self) -> tuple[str, ...]:
        """The keys, in the order of their numbers."""
        return tuple(self._cited)

    def listed(self) -> list[str]:
        """``1. Hochreiter S, …``, one a reference."""
        return [f"{number}. {REFERENCES[key]}" for number, key in enumerate(self._cited, 1)]
