rule train:
    """Train one model on one fold with one seed; goes on from its checkpoint if it was cut off."""
    input:
        encoded=rules.encode.output,
        splits=rules.split.output.splits,
        init=init_weights,
    output:
        weights="results/{dataset}/models/{model}/fold{fold}-seed{seed}/model.safetensors",
        card="results/{dataset}/models/{model}/fold{fold}-seed{seed}/model.json",
        history="results/{dataset}/models/{model}/fold{fold}-seed{seed}/history.tsv",
        test="results/{dataset}/models/{model}/fold{fold}-seed{seed}/test_predictions.parquet",
        run="results/{dataset}/models/{model}/fold{fold}-seed{seed}/run.yaml",
    log:
        "results/{dataset}/logs/train-{model}-fold{fold}-seed{seed}.log",
    wildcard_constraints:
        model=model_of_dataset(),
    priority: 50
    conda:
        "../../envs/bioseq_lstm.yaml"
    threads: processes
    resources:
        mem_mb=growing(3000, per_mb=60),
        runtime=growing(240, per_mb=60),
        gpu=gpus,
    params:
        settings=settings("split", "leakage", "seeds", "new", "controls", "bootstrap"),
        model=model_settings,
        code=code_digest("bioseq_lstm.learning.run", "bioseq_lstm.tasks.*.stacking"),
    shell:
        "python -m bioseq_lstm train --folder results/{wildcards.dataset}"
        " --settings {params.settings:q} --name {wildcards.model} --model {params.model:q}"
        " --fold {wildcards.fold} --seed={wildcards.seed} --threads {threads} > {log:q} 2>&1"


rule control:
    """Train a model on shuffled labels: what it then finds is chance, or a leak."""
    input:
        encoded=rules.encode.output,
        splits=rules.split.output.splits,
        init=init_weights,
    output:
        weights="results/{dataset}/models/{model}/control/model.safetensors",
        card="results/{dataset}/models/{model}/control/model.json",
        history="results/{dataset}/models/{model}/control/history.tsv",
        test="results/{dataset}/models/{model}/control/test_predictions.parquet",
        run="results/{dataset}/models/{model}/control/run.yaml",
    log:
        "results/{dataset}/logs/control-{model}.log",
    wildcard_constraints:
        model=model_of_dataset(),
    conda:
        "../../envs/bioseq_lstm.yaml"
    threads: processes
    resources:
        mem_mb=growing(3000, per_mb=60),
        runtime=growing(240, per_mb=60),
        gpu=gpus,
    params:
        settings=settings("split", "leakage", "seeds", "new", "controls", "bootstrap"),
        model=model_settings,
        seed=lambda wildcards: CONFIG.datasets[wildcards.dataset].seeds[0],
        code=code_digest("bioseq_lstm.learning.run", "bioseq_lstm.tasks.*.stacking"),
    shell:
        "python -m bioseq_lstm train --folder results/{wildcards.dataset}"
        " --settings {params.settings:q} --name {wildcards.model} --model {params.model:q}"
        " --seed={params.seed} --shuffled --threads {threads} > {log:q} 2>&1"


rule baselines:
    """Fit the honest floors of one fold."""
    input:
        encoded=rules.encode.output,
        records=rules.read.output.records,
        splits=rules.split.output.splits,
        leakage=rules.split.output.leakage,
    output:
        "results/{dataset}/baselines/fold{fold}.parquet",
    log:
        "results/{dataset}/logs/baselines-fold{fold}.log",
    conda:
        "../../envs/bioseq_lstm.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000, per_mb=100),
        runtime=growing(120, per_mb=20),
    params:
        settings=settings("split", "leakage", "seeds", "new", "controls", "bootstrap"),
        code=code_digest("bioseq_lstm.learning.floors", "bioseq_lstm.tasks.*.baselines"),
    shell:
        "python -m bioseq_lstm baselines --folder results/{wildcards.dataset}"
        " --settings {params.settings:q} --fold {wildcards.fold} --threads {threads} > {log:q} 2>&1"


rule evaluate:
    """Score every model, baseline and control on the test part, once, with intervals."""
    input:
        tests=runs("test_predictions.parquet"),
        cards=runs("model.json"),
        baselines=lambda wildcards: expand(
            "results/{dataset}/baselines/fold{fold}.parquet",
            dataset=wildcards.dataset,
            fold=folds(wildcards),
        ),
        splits=rules.split.output.splits,
        leakage=rules.split.output.leakage,
        records=rules.read.output.records,
    output:
        figures=report(
            "results/{dataset}/figures.tsv",
            caption="../report/figures.rst",
            category="Figures",
            labels={"dataset": "{dataset}", "table": "all systems"},
        ),
        seeds="results/{dataset}/seeds.tsv",
        differences=report(
            "results/{dataset}/differences.tsv",
            caption="../report/differences.rst",
            category="Figures",
            labels={"dataset": "{dataset}", "table": "minus the best baseline"},
        ),
        comparisons="results/{dataset}/comparisons.tsv",
        bands=report(
            "results/{dataset}/bands.tsv",
            caption="../report/bands.rst",
            category="Figures",
            labels={"dataset": "{dataset}", "table": "by likeness to training"},
        ),
        strata=report(
            "results/{dataset}/strata.tsv",
            caption="../report/strata.rst",
            category="Figures",
            labels={"dataset": "{dataset}", "table": "by length and class"},
        ),
        evaluation="results/{dataset}/evaluation.json",
    log:
        "results/{dataset}/logs/evaluate.log",
    group:
        "judge"
    conda:
        "../../envs/bioseq_lstm.yaml"
    threads: 1
    resources:
        mem_mb=growing(3000, per_mb=100),
        runtime=growing(60, per_mb=10),
    params:
        settings=settings("leakage", "new"),
        models=models,
        code=code_digest("bioseq_lstm.learning.evaluation"),
    shell:
        "python -m bioseq_lstm evaluate --folder results/{wildcards.dataset}"
        " --settings {params.settings:q} --models {params.models:q} > {log:q} 2>&1"


rule learning_curve:
    """Train the chosen model on growing parts of the training set: would more data help?"""
    input:
        encoded=rules.encode.output,
        splits=rules.split.output.splits,
        evaluation=rules.evaluate.output.evaluation,
        cards=runs("model.json", controls=False),
        tests=runs("test_predictions.parquet", controls=False),
    output:
        curve="results/{dataset}/learning_curve.tsv",
        slope="results/{dataset}/learning_curve.json",
    log:
        "results/{dataset}/logs/learning-curve.log",
    wildcard_constraints:
        dataset=one_of(CONFIG.learnt),
    conda:
        "../../envs/bioseq_lstm.yaml"
    threads: 1
    resources:
        mem_mb=growing(3000, per_mb=60),
        runtime=growing(240, per_mb=60),
        gpu=lambda wildcards: int(
            any(
                model.trainer.accelerator == "gpu"
                for model in CONFIG.datasets[wildcards.dataset].models.values()
            )
        ),
    params:
        settings=settings("leakage", "new", "controls", after=["learning_curve"]),
        code=code_digest(
            "bioseq_lstm.learning.growth",
            "bioseq_lstm.tasks.*.task",
            "bioseq_lstm.tasks.*.stacking",
        ),
    shell:
        "python -m bioseq_lstm learning-curve --folder results/{wildcards.dataset}"
        " --settings {params.settings:q} --threads {threads} > {log:q} 2>&1"
