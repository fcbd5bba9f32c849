from snakemake.utils import min_version

min_version("9.0")


# A file named with --configfile stands alone: else the datasets of config.yaml would run too.
if not workflow.configfiles:

    configfile: "config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/benchmarks.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/learning.smk"
include: "workflow/rules/prediction.smk"
include: "workflow/rules/reporting.smk"


rule all:
    default_target: True
    input:
        "results/index.html",
        expand("results/{dataset}/report.html", dataset=DATASETS),
