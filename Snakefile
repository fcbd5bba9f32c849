from snakemake.utils import min_version

min_version("9.0")


configfile: "config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/learning.smk"
include: "workflow/rules/prediction.smk"
include: "workflow/rules/reporting.smk"


rule all:
    default_target: True
    input:
        "results/index.html",
        expand("results/{dataset}/report.html", dataset=DATASETS),
