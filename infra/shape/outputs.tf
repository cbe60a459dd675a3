output "handler" {
  description = "Entry points in the zip."
  value       = { handler = "index.handler", initializer = "index.initializer" }
}

output "buckets" {
  description = "Names of the buckets, by what they are for."
  value = {
    drop        = local.drop
    results     = local.results
    log         = local.log
    checkpoints = local.checkpoints
  }
}

output "policy_key" {
  description = "Key of the policy in the log's bucket."
  value       = "${local.policy_prefix}policy.yaml"
}

output "user_data" {
  description = "Settings of the function, as JSON."
  value       = jsonencode(local.user_data)

  precondition {
    condition     = length(local.user_data) <= 20
    error_message = "FunctionGraph takes 20 settings at most: drop some of the further ones."
  }

  precondition {
    # Base64 counts bytes, as the platform does; 4096 of them are 5464 characters.
    condition     = length(base64encode(jsonencode(local.user_data))) <= 5464
    error_message = "FunctionGraph takes 4 KB of settings at most: shorten some of the further ones."
  }
}

output "secret_user_data" {
  description = "Settings that are kept encrypted, as JSON; empty if there are none."
  value       = length(local.secret_user_data) == 0 ? "" : jsonencode(local.secret_user_data)
  sensitive   = true

  precondition {
    condition     = length(base64encode(jsonencode(local.secret_user_data))) <= 5464
    error_message = "FunctionGraph takes 4 KB of secret settings at most."
  }
}

output "timers" {
  description = "Timers by name, the reconciler's tick and the summary among them."
  value       = merge(local.timers, { tick = local.tick }, var.summary == "" ? {} : { summary = local.summary })
}

output "drop_trigger" {
  description = "The trigger on the drop bucket."
  value       = var.eventgrid == null ? local.classic : local.eventgrid
}

output "bucket_policy" {
  description = "What the function may do in OBS, as a policy's JSON."
  value       = jsonencode({ Version = "1.1", Statement = local.bucket_statements })
}

output "project_policy" {
  description = "What the function may do in the fleet's project, as a policy's JSON."
  value = jsonencode({
    Version   = "1.1"
    Statement = [{ Effect = "Allow", Action = local.project_actions }]
  })
}
