# What main.tf hands over, checked. Nothing here needs a provider, so it runs without a network.

variable "region" {
  type     = string
  nullable = false

  validation {
    condition = (
      contains(["cn-north-1", "cn-north-4", "cn-east-2", "cn-east-3", "cn-south-1"], var.region)
      || contains(keys(var.settings), "NIGHTDROP_IEF_ENDPOINT")
    )
    error_message = "IEF has no known endpoint in this region: set NIGHTDROP_IEF_ENDPOINT in settings."
  }
}

variable "project_id" {
  type     = string
  nullable = false
}

variable "name" {
  type     = string
  nullable = false

  validation {
    condition     = can(regex("^[A-Za-z][A-Za-z0-9_-]{0,49}$", var.name))
    error_message = "The name begins with a letter and has letters, digits, - and _, 50 at most."
  }
}

variable "bucket_prefix" {
  type     = string
  nullable = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,48}[a-z0-9]$", var.bucket_prefix))
    error_message = "The buckets' prefix has 3 to 50 lower-case letters, digits and hyphens."
  }
}

variable "runtime" {
  type     = string
  nullable = false

  validation {
    condition     = contains(["Python3.10", "Python3.12"], var.runtime)
    error_message = "The function runs on Python3.10 or Python3.12."
  }
}

variable "memory_size" {
  type     = number
  nullable = false

  validation {
    condition = contains(
      [256, 512, 768, 1024, 1280, 1536, 1792, 2048, 2560, 3072, 3584, 4096], var.memory_size
    )
    error_message = "FunctionGraph has 256, 512, 768, 1024, … 4096 MB; less than 256 is too little here."
  }
}

variable "timeout" {
  type     = number
  nullable = false

  validation {
    condition     = var.timeout >= 30 && var.timeout <= 900 && floor(var.timeout) == var.timeout
    error_message = "An invocation may take 30 to 900 whole seconds: a signature is refused after 900."
  }
}

variable "initializer_timeout" {
  type     = number
  nullable = false

  validation {
    condition     = var.initializer_timeout >= 1 && var.initializer_timeout <= 300
    error_message = "An instance may take 1 to 300 seconds to start."
  }
}

variable "max_instances" {
  type     = number
  nullable = false

  validation {
    condition     = var.max_instances >= 2 && var.max_instances <= 1000 && floor(var.max_instances) == var.max_instances
    error_message = "There may be 2 to 1000 instances: the reconciler runs beside dropped files."
  }
}

variable "drop_prefix" {
  type     = string
  nullable = false

  validation {
    condition     = can(regex("^[^/].*/$", var.drop_prefix)) && !strcontains(var.drop_prefix, "//")
    error_message = "The watched prefix ends with a slash, such as drop/, and does not begin with one."
  }

  validation {
    condition = (
      !can(regex("[*?%\"'\\\\]|://", var.drop_prefix))
      && alltrue([for step in split("/", var.drop_prefix) : !contains([".", ".."], step)])
    )
    error_message = "The watched prefix is the beginning of object keys as they are: no pattern, no address, not URL-encoded."
  }
}

variable "spec_days" {
  type     = number
  nullable = false

  validation {
    condition     = var.spec_days > 30 && var.spec_days <= 3650 && floor(var.spec_days) == var.spec_days
    error_message = "Dropped specs are kept for 31 to 3650 whole days: a job may be sent 30 days after its plan."
  }
}

variable "results_bucket" {
  type     = string
  nullable = false

  validation {
    condition     = var.results_bucket == "" || can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.results_bucket))
    error_message = "The bucket of results has a bucket's name: 3 to 63 small letters, digits, dots and hyphens."
  }

  validation {
    condition     = !contains([for kind in ["log", "checkpoints"] : "${var.bucket_prefix}-${kind}"], var.results_bucket)
    error_message = "Results must not lie beside the log or the checkpoints: whoever reads results would read them."
  }
}

variable "results_prefix" {
  type     = string
  nullable = false

  validation {
    condition     = can(regex("^[^/].*/$", var.results_prefix))
    error_message = "The prefix of results ends with a slash, such as results/."
  }

  validation {
    condition = (
      var.results_bucket != "${var.bucket_prefix}-drop"
      || !(
        startswith(var.results_prefix, var.drop_prefix) || startswith(var.drop_prefix, var.results_prefix)
      )
    )
    error_message = "Results must not lie inside the watched prefix: each would start the function again."
  }
}

variable "timers" {
  type = map(object({
    cron    = string
    spec    = string
    enabled = bool
  }))
  nullable = false

  validation {
    condition     = length(var.timers) + (var.summary == "" ? 0 : 1) <= 8
    error_message = "A function has 10 triggers; the reconciler and the drop bucket use two of them, a summary a third."
  }

  validation {
    condition = alltrue([
      for name in keys(var.timers) : can(regex("^[A-Za-z][A-Za-z0-9_-]{0,63}$", name)) && !contains(["tick", "summary"], name)
    ])
    error_message = "A timer's name begins with a letter, has letters, digits, - and _, and is not tick or summary."
  }

  validation {
    condition = alltrue([
      for timer in values(var.timers) :
      can(regex("^(CRON_TZ=[A-Za-z_/+-]+ )?([0-9*?/,-]+ ){5}[0-9A-Za-z*?/,-]+$", timer.cron))
    ])
    error_message = "A schedule has six fields: second minute hour day month weekday, such as 0 0 2 * * *."
  }

  validation {
    condition     = alltrue([for timer in values(var.timers) : length(base64encode(timer.spec)) <= 2728])
    error_message = "A timer's spec has 2 KB at most: put a larger one into a bucket and name it."
  }

  validation {
    condition = alltrue([
      for timer in values(var.timers) :
      !strcontains(timer.spec, "obs://${var.bucket_prefix}-drop/${var.drop_prefix}")
    ])
    error_message = "A timer's stored spec must not lie in the watched prefix: it would run when uploaded, and expire."
  }

  validation {
    condition     = alltrue([for timer in values(var.timers) : can(yamldecode(timer.spec))])
    error_message = "A timer's spec is YAML or JSON."
  }
}

variable "tick_minutes" {
  type     = number
  nullable = false

  validation {
    condition     = var.tick_minutes >= 1 && var.tick_minutes <= 30 && floor(var.tick_minutes) == var.tick_minutes
    error_message = "The reconciler ticks every 1 to 30 whole minutes."
  }
}

variable "eventgrid" {
  type = object({
    channel_id   = string
    channel_name = string
    agency       = string
  })
}

variable "obs_events" {
  type     = list(string)
  nullable = false

  validation {
    condition = length(var.obs_events) > 0 && alltrue([
      for event in var.obs_events : can(regex("^(s3:)?ObjectCreated(:[A-Za-z*]+)?$", event))
    ])
    error_message = "Only created objects are job specs: s3:ObjectCreated:* or ObjectCreated."
  }
}

variable "retries" {
  type     = number
  nullable = false

  validation {
    condition     = contains([0, 1, 2, 3], var.retries)
    error_message = "FunctionGraph delivers a failed event 0 to 3 times more."
  }
}

variable "event_age" {
  type     = number
  nullable = false

  validation {
    condition     = var.event_age >= 1 && var.event_age <= 86400
    error_message = "An event is kept for 1 to 86400 seconds."
  }
}

variable "policy" {
  type     = string
  nullable = false

  validation {
    condition     = var.policy == "" || can(yamldecode(var.policy).rules)
    error_message = "The policy is YAML with rules: see SECURITY.md, and check it with nightdrop policy explain."
  }
}

variable "topic" {
  description = "URN of the topic that notices go to; empty for none."
  type        = string
  nullable    = false
}

variable "webhook" {
  description = "URL and key of the webhook that notices go to instead; null for none."
  type        = object({ url = string, key = string })
  sensitive   = true

  validation {
    condition     = var.webhook == null || var.topic == ""
    error_message = "Notices go to a topic or to a webhook, not to both."
  }

  validation {
    condition     = var.webhook == null || startswith(try(var.webhook.url, ""), "https://")
    error_message = "A webhook's URL begins with https://."
  }

  validation {
    condition     = var.webhook == null || can(regex("^whsec_[A-Za-z0-9+/]{32,}={0,2}$", var.webhook.key))
    error_message = "A webhook's key is whsec_ and at least 24 random bytes in base64."
  }
}

variable "summary" {
  description = "When the summary of the night is sent, as a timer's schedule; empty for never."
  type        = string
  nullable    = false

  validation {
    condition = (
      var.summary == ""
      || can(regex("^(CRON_TZ=[A-Za-z_/+-]+ )?([0-9*?/,-]+ ){5}[0-9A-Za-z*?/,-]+$", var.summary))
    )
    error_message = "A schedule has six fields: second minute hour day month weekday, such as 0 0 7 * * *."
  }
}

variable "settings" {
  type     = map(string)
  nullable = false

  validation {
    condition     = alltrue([for name in keys(var.settings) : startswith(name, "NIGHTDROP_")])
    error_message = "Settings begin with NIGHTDROP_."
  }

  validation {
    condition = length(setintersection(keys(var.settings), [
      "NIGHTDROP_REGION", "NIGHTDROP_PROJECT_ID", "NIGHTDROP_BUCKETS", "NIGHTDROP_PREFIX",
      "NIGHTDROP_RESULTS", "NIGHTDROP_AUDIT", "NIGHTDROP_CHECKPOINTS", "NIGHTDROP_CHECKPOINT_KEY",
      "NIGHTDROP_EVENTGRID_KEYS", "NIGHTDROP_NOTIFY", "NIGHTDROP_NOTIFY_KEY",
    ])) == 0 && !(var.policy != "" && contains(keys(var.settings), "NIGHTDROP_POLICY"))
    error_message = "This setting follows from the deployment, it is not given beside it."
  }

  validation {
    condition     = !contains(keys(var.settings), "NIGHTDROP_AUDIT_MOUNT")
    error_message = "The log is in OBS or PostgreSQL here: each instance would have a SQLite file of its own, and create jobs again."
  }
}

variable "checkpoint_key" {
  type      = string
  nullable  = false
  sensitive = true
}

variable "database_address" {
  description = "Where the audit log is, if it is in PostgreSQL; else empty."
  type        = string
  nullable    = false
  sensitive   = true

  validation {
    condition     = !strcontains(var.database_address, ":@")
    error_message = "The database's role needs a password: set function_password."
  }
}

variable "in_vpc" {
  description = "Whether the function runs in a VPC, for which its agency needs ports."
  type        = bool
  nullable    = false
}
