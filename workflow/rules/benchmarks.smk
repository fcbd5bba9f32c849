"""Files that rules make: downloads, and public benchmark data in the forms that datasets name."""

BENCHMARK_FILES = str(HOME / "workflow" / "scripts" / "benchmark_files.py")


localrules:
    accuracy,
    download,
    benchmark_chains,
    sidechainnet_chains,
    ecoli_genes,
    yeast_promoters,


rule download:
    """Fetch a file of `downloads`; it gets its name once its checksum is right."""
    output:
        "data/downloads/{file}",
    log:
        "results/logs/download-{file}.log",
    wildcard_constraints:
        file="|".join(map(re.escape, CONFIG.downloads)) or "(?!)",
    conda:
        "../../envs/bioseq_lstm.yaml"
    resources:
        mem_mb=1000,
        runtime=240,
    params:
        settings=lambda wildcards: as_json(
            CONFIG.downloads[wildcards.file].model_dump(mode="json")
        ),
    shell:
        "python -m bioseq_lstm download --name {wildcards.file} --settings {params.settings:q}"
        ' --folder data/downloads --local="$LOCAL_COPIES" > {log:q} 2>&1'


rule benchmark_chains:
    """Chains of a table, in the 3-line form; residues that its mask leaves out are unknown."""
    input:
        script=BENCHMARK_FILES,
        table="data/downloads/{set}.tsv.gz",
    output:
        "data/benchmarks/{set}.3line.gz",
    log:
        "results/logs/benchmark-{set}.log",
    wildcard_constraints:
        set="cb513|nsp2_(train|val)_strict",
    conda:
        "../../envs/bioseq_lstm.yaml"
    resources:
        mem_mb=1000,
        runtime=30,
    shell:
        "python {input.script:q} chains {input.table:q} {output:q} > {log:q} 2>&1"


rule sidechainnet_chains:
    """The chains of SidechainNet that are free of kin of the test sets, in the 3-line form."""
    input:
        script=BENCHMARK_FILES,
        annotations="data/downloads/sidechainnet-dssp.json",
        ids=str(HOME / "workflow" / "resources" / "benchmarks" / "scn95.ids.txt.gz"),
    output:
        "data/benchmarks/scn95.3line.gz",
    log:
        "results/logs/benchmark-scn95.log",
    conda:
        "../../envs/bioseq_lstm.yaml"
    resources:
        mem_mb=2000,
        runtime=30,
    shell:
        "python {input.script:q} sidechainnet {input.annotations:q} {input.ids:q} {output:q}"
        " > {log:q} 2>&1"


rule yeast_promoters:
    """Yeast promoters as FASTA, table of expression and table of the published parts."""
    input:
        script=BENCHMARK_FILES,
        table="data/downloads/yeast_promoters.tsv.gz",
    output:
        genes="data/benchmarks/yeast_promoters.fasta.gz",
        expression="data/benchmarks/yeast_expression.tsv.gz",
        parts="data/benchmarks/yeast_parts.tsv.gz",
    log:
        "results/logs/benchmark-yeast.log",
    conda:
        "../../envs/bioseq_lstm.yaml"
    resources:
        mem_mb=1000,
        runtime=30,
    shell:
        "python {input.script:q} promoters {input.table:q} {output.genes:q} {output.expression:q}"
        " {output.parts:q} > {log:q} 2>&1"


rule ecoli_genes:
    """Genes of E. coli as FASTA, table of expression and table of places on the chromosome."""
    input:
        script=BENCHMARK_FILES,
        genome="data/downloads/ecoli-genome.fasta",
        gff="data/downloads/ecoli-genome.gff3",
        levels="data/downloads/ecoli-log-tpm.csv",
        samples="data/downloads/ecoli-samples.csv",
    output:
        genes="data/benchmarks/ecoli_genes.fasta.gz",
        expression="data/benchmarks/ecoli_expression.tsv.gz",
        annotations="data/benchmarks/ecoli_genes.tsv.gz",
    log:
        "results/logs/benchmark-ecoli.log",
    conda:
        "../../envs/bioseq_lstm.yaml"
    resources:
        mem_mb=2000,
        runtime=30,
    shell:
        "python {input.script:q} ecoli {input.genome:q} {input.gff:q} {input.levels:q}"
        " {input.samples:q} {output.genes:q} {output.expression:q} {output.annotations:q}"
        " > {log:q} 2>&1"


rule accuracy:
    """The figures of finished runs, put into the page of accuracy on public benchmarks."""
    input:
        script=str(HOME / "benchmarks" / "accuracy.py"),
        references=str(HOME / "benchmarks" / "references.yaml"),
        figures=expand("results/{dataset}/figures.tsv", dataset=CONFIG.learnt),
    output:
        update(str(HOME / "benchmarks" / "README.md")),
    log:
        "results/logs/accuracy.log",
    conda:
        "../../envs/bioseq_lstm.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        config=" ".join(CONFIG_FILES),
        folders=expand("results/{dataset}", dataset=CONFIG.learnt),
    shell:
        "python {input.script:q} --config {params.config:q} {params.folders:q} > {log:q} 2>&1"
