rule predict:
    """Predict the files that lie in the dataset's folder of new sequences; nothing is trained."""
    input:
        new=new_inputs,
        files=dataset_files,
        cards=runs("model.json", controls=False),
        splits=rules.split.output.splits,
        encoded=rules.encode.output,
        weights=runs("model.safetensors", controls=False),
        evaluation=rules.evaluate.output.evaluation,
        bands=rules.evaluate.output.bands,
        records=rules.read.output.records,
    output:
        in_report(directory("results/{dataset}/predictions")),
    log:
        "results/{dataset}/logs/predict.log",
    wildcard_constraints:
        dataset=one_of(CONFIG.learnt),
    group:
        "judge"
    conda:
        "../../envs/bioseq_lstm.yaml"
    threads: 1
    resources:
        mem_mb=growing(3000, per_mb=60),
        runtime=growing(120, per_mb=10),
    params:
        settings=settings("leakage", "controls", "bootstrap"),
        new=lambda wildcards: as_json(folder_of_new(wildcards)),
        code=code_digest(
            "bioseq_lstm.learning.prediction", "bioseq_lstm.tasks.*.stacking"
        ),
    shell:
        "python -m bioseq_lstm predict-new --folder results/{wildcards.dataset}"
        " --settings {params.settings:q} --new={params.new:q} --threads {threads} > {log:q} 2>&1"


rule explain:
    """Why the chosen model predicts what it does: attributions, mutants, k-mers; a few records."""
    input:
        new=new_inputs,
        files=dataset_files,
        cards=runs("model.json", controls=False),
        splits=rules.split.output.splits,
        encoded=rules.encode.output,
        weights=runs("model.safetensors", controls=False),
        evaluation=rules.evaluate.output.evaluation,
    output:
        directory("results/{dataset}/explanations"),
    log:
        "results/{dataset}/logs/explain.log",
    wildcard_constraints:
        dataset=one_of(CONFIG.learnt),
    group:
        "judge"
    conda:
        "../../envs/bioseq_lstm.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000, per_mb=60),
        runtime=growing(240, per_mb=10),
    params:
        settings=settings("leakage", "controls", "bootstrap", after=["explain"]),
        new=lambda wildcards: as_json(folder_of_new(wildcards)),
        code=code_digest(
            "bioseq_lstm.learning.explaining.explain",
            "bioseq_lstm.tasks.*.explained",
        ),
    shell:
        "python -m bioseq_lstm explain --folder results/{wildcards.dataset}"
        " --settings {params.settings:q} --new={params.new:q} --threads {threads} > {log:q} 2>&1"


rule predict_packed:
    """Predict a folder of new sequences with a packed model: no training data, one report.

    Status 3, nothing to predict yet, is no fault here: the report says so.
    """
    input:
        new=new_inputs,
        model=packed_files,
    output:
        predictions=in_report(directory("results/{dataset}/predictions")),
        page=report(
            "results/{dataset}/report.html",
            caption="../report/report.rst",
            category="Reports",
            labels={"dataset": "{dataset}"},
        ),
        summary="results/{dataset}/summary.json",
    log:
        "results/{dataset}/logs/predict.log",
    wildcard_constraints:
        dataset=one_of(CONFIG.predicted),
    conda:
        "../../envs/bioseq_lstm.yaml"
    threads: 1
    resources:
        mem_mb=twice_each_time(6000),
        runtime=twice_each_time(240),
    params:
        model=lambda wildcards: as_json(packed_model(wildcards)),
        new=lambda wildcards: as_json(folder_of_new(wildcards)),
        code=code_digest(
            "bioseq_lstm.learning.packed_prediction", "bioseq_lstm.tasks.*.panels"
        ),
    shell:
        "python -m bioseq_lstm predict --model={params.model:q} --out results/{wildcards.dataset}"
        " --name {wildcards.dataset} --threads {threads} -- {params.new:q} > {log:q} 2>&1"
        " || [ $? -eq 3 ]"
