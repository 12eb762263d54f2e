"""Every command there is."""

COMMANDS = [
    [],
    ["worker"],
    ["dev"],
    ["init"],
    ["demo"],
    ["enqueue"],
    ["jobs"],
    ["jobs", "list"],
    ["jobs", "show"],
    ["jobs", "cancel"],
    ["jobs", "retry"],
    ["jobs", "delete"],
    ["queues"],
    ["queues", "list"],
    ["queues", "pause"],
    ["queues", "resume"],
    ["workers"],
    ["workers", "list"],
    ["stats"],
    ["doctor"],
]
