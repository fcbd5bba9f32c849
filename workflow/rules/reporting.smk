localrules:
    index,


rule report:
    """One HTML page that opens offline: data, split, models beside baselines, predictions."""
    input:
        rules.read.output,
        rules.split.output,
        rules.evaluate.output,
        rules.predict.output,
        explanations,
        learning_curve,
        runs("history.tsv", controls=False),
        runs("model.json", controls=False),
        runs("run.yaml", controls=False),
        runs("test_predictions.parquet"),
        rules.encode.output,
        lambda wildcards: expand(
            "results/{dataset}/baselines/fold{fold}.parquet",
            dataset=wildcards.dataset,
            fold=folds(wildcards),
        ),
    output:
        page=report(
            "results/{dataset}/report.html",
            caption="../report/report.rst",
            category="Reports",
            labels={"dataset": "{dataset}"},
        ),
        methods=report(
            "results/{dataset}/methods.md",
            caption="../report/methods.rst",
            category="For the paper",
            labels={"dataset": "{dataset}"},
        ),
        multiqc=directory("results/{dataset}/multiqc"),
        summary="results/{dataset}/summary.json",
    log:
        "results/{dataset}/logs/report.log",
    wildcard_constraints:
        dataset=one_of(CONFIG.learnt),
    conda:
        "../../envs/bioseq_lstm.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000, per_mb=60),
        runtime=growing(30, per_mb=2),
    params:
        settings=settings(after=AFTER),
        models=models,
        code=code_digest("bioseq_lstm.learning.telling", "bioseq_lstm.tasks.*.panels"),
    shell:
        "python -m bioseq_lstm report --folder results/{wildcards.dataset}"
        " --settings {params.settings:q} --name {wildcards.dataset} --models {params.models:q}"
        " > {log:q} 2>&1"


rule index:
    """The page over all datasets."""
    input:
        expand("results/{dataset}/summary.json", dataset=DATASETS),
    output:
        report(
            "results/index.html",
            caption="../report/index.rst",
            category="Reports",
            labels={"dataset": "all"},
        ),
    log:
        "results/logs/index.log",
    conda:
        "../../envs/bioseq_lstm.yaml"
    threads: 1
    resources:
        mem_mb=twice_each_time(2000),
        runtime=twice_each_time(30),
    params:
        title=as_json(CONFIG.title),
        folders=expand("results/{dataset}", dataset=DATASETS),
        code=code_digest("bioseq_lstm.learning.telling"),
    shell:
        "python -m bioseq_lstm index --title={params.title:q} --out {output:q} {params.folders:q}"
        " > {log:q} 2>&1"
