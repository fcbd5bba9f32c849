rule read:
    """Check the files of a dataset; refuse bad records and list them."""
    input:
        dataset_files,
    output:
        records="results/{dataset}/records.parquet",
        measurements="results/{dataset}/measurements.parquet",
        rejected="results/{dataset}/rejected.tsv",
        profile="results/{dataset}/profile.json",
    log:
        "results/{dataset}/logs/read.log",
    priority: 100
    group:
        "prepare"
    conda:
        "../../envs/bioseq_lstm.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000, per_mb=60),
        runtime=growing(30, per_mb=2),
    params:
        settings=settings("split", "leakage", "seeds", "new", "controls", "bootstrap"),
        content=lambda wildcards: content_of(dataset_files(wildcards)),
        code=code_digest("bioseq_lstm.learning.preparation"),
    shell:
        "python -m bioseq_lstm read --folder results/{wildcards.dataset}"
        " --settings {params.settings:q} > {log:q} 2>&1"


rule split:
    """Part training, validation and test, and check for leaks across the line."""
    input:
        records=rules.read.output.records,
        measurements=rules.read.output.measurements,
        rejected=rules.read.output.rejected,
    output:
        splits="results/{dataset}/splits.tsv",
        leakage="results/{dataset}/leakage.tsv",
        report="results/{dataset}/split.json",
    log:
        "results/{dataset}/logs/split.log",
    priority: 100
    group:
        "prepare"
    conda:
        "../../envs/bioseq_lstm.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000, per_mb=100),
        runtime=growing(60, per_mb=10),
    params:
        settings=settings("seeds", "new", "controls", "bootstrap"),
        code=code_digest("bioseq_lstm.learning.preparation"),
    shell:
        "python -m bioseq_lstm split --folder results/{wildcards.dataset}"
        " --settings {params.settings:q} --threads {threads} > {log:q} 2>&1"


rule encode:
    """Write the dataset as numbers, once for all trainings."""
    input:
        records=rules.read.output.records,
        measurements=rules.read.output.measurements,
    output:
        "results/{dataset}/encoded.safetensors",
    log:
        "results/{dataset}/logs/encode.log",
    priority: 100
    group:
        "prepare"
    conda:
        "../../envs/bioseq_lstm.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000, per_mb=60),
        runtime=growing(30, per_mb=1),
    params:
        settings=settings("split", "leakage", "seeds", "new", "controls", "bootstrap"),
        code=code_digest("bioseq_lstm.learning.preparation"),
    shell:
        "python -m bioseq_lstm encode --folder results/{wildcards.dataset}"
        " --settings {params.settings:q} > {log:q} 2>&1"
