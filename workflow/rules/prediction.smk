rule predict:
    """Predict the files that lie in the dataset's folder of new sequences; nothing is trained."""
    input:
        new=new_inputs,
        files=dataset_files,
        cards=runs("model.json", controls=False),
        splits=rules.split.output.splits,
        weights=runs("model.safetensors", controls=False),
        evaluation=rules.evaluate.output.evaluation,
        bands=rules.evaluate.output.bands,
        records=rules.read.output.records,
    output:
        directory("results/{dataset}/predictions"),
    log:
        "results/{dataset}/logs/predict.log",
    conda:
        "../../envs/bioseq_lstm.yaml"
    threads: 1
    resources:
        mem_mb=6000,
        runtime=240,
    params:
        settings=settings("leakage", "controls", "bootstrap"),
        new=lambda wildcards: as_json(new_folder(wildcards)),
        code=code_digest("bioseq_lstm.learning.prediction"),
    shell:
        "python -m bioseq_lstm predict --folder results/{wildcards.dataset}"
        " --settings {params.settings:q} --new={params.new:q} --threads {threads} > {log:q} 2>&1"
