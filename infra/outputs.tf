output "function_urn" {
  description = "The function."
  value       = huaweicloud_fgs_function.nightdrop.urn
}

output "drop" {
  description = "Where to drop job specs."
  value       = "obs://${module.shape.buckets.drop}/${var.drop_prefix}"
}

output "results" {
  description = "Where result files appear."
  value       = "obs://${module.shape.buckets.results}/${var.results_prefix}"
}

output "audit" {
  description = "NIGHTDROP_AUDIT for nightdrop audit and nightdrop doctor; empty if it holds a password."
  value       = lookup(jsondecode(module.shape.user_data), "NIGHTDROP_AUDIT", "")
}

output "environment" {
  description = "The function's settings for your machine, NAME=value a line; without a log that needs a password."
  value       = join("\n", [for name, text in jsondecode(module.shape.user_data) : "${name}=${text}"])
}

output "log_stream" {
  description = "Group and stream of the log lines in LTS."
  value = {
    group  = huaweicloud_lts_group.nightdrop.id
    stream = huaweicloud_lts_stream.nightdrop.id
  }
}

output "database" {
  description = "Host of the database, for nightdrop audit init; null without one."
  value       = local.database_host
}
