# What a deployment can choose. The values are checked in shape/, which needs no provider.

variable "region" {
  description = "Region of the function, its buckets and the fleet."
  type        = string
}

variable "project_name" {
  description = "Name of the IAM project that the fleet is in; empty is the region's own."
  type        = string
  default     = ""
}

variable "project_id" {
  description = "Id of that project; empty leaves it to the platform, which tells the function its own."
  type        = string
  default     = ""
}

variable "name" {
  description = "Name of the function; its agency, topic and log group begin with it."
  type        = string
  default     = "nightdrop"
}

variable "bucket_prefix" {
  description = "What the names of the four buckets begin with; unique in all of OBS."
  type        = string
}

variable "package" {
  description = "Path of the zip that nightdrop package built."
  type        = string
}

variable "runtime" {
  description = "Runtime of the function, the one that the zip was built for: Python3.10 or Python3.12."
  type        = string
  default     = "Python3.10"
}

variable "memory_size" {
  description = "Memory in MB; processor time grows with it."
  type        = number
  default     = 512
}

variable "timeout" {
  description = "Seconds that one invocation may take."
  type        = number
  default     = 300
}

variable "initializer_timeout" {
  description = "Seconds that an instance may take to start."
  type        = number
  default     = 60
}

variable "max_instances" {
  description = "How many instances there may be at once."
  type        = number
  default     = 20
}

variable "drop_prefix" {
  description = "Objects below this key prefix of the drop bucket are job specs."
  type        = string
  default     = "drop/"
}

variable "spec_days" {
  description = "Days after which dropped specs, their older versions and result files are deleted."
  type        = number
  default     = 90
}

variable "results_bucket" {
  description = "Bucket for result files; empty makes one. It may be the drop bucket, outside drop_prefix."
  type        = string
  default     = ""
}

variable "results_prefix" {
  description = "Key prefix of result files."
  type        = string
  default     = "results/"
}

variable "policy" {
  description = "Who may ask for what: the text of a policy file, such as file(\"policy.yaml\"); empty uses the built-in policy."
  type        = string
  default     = ""
}

variable "timers" {
  description = "Schedules by name: six fields of cron, and the job spec itself or {\"spec\": \"obs://…\"}."
  type = map(object({
    cron    = string
    spec    = string
    enabled = optional(bool, true)
  }))
  default = {}
}

variable "tick_minutes" {
  description = "Minutes between two ticks of the reconciler."
  type        = number
  default     = 5
}

variable "eventgrid" {
  description = "Watch the drop bucket through this EventGrid channel; null uses a classic OBS trigger."
  type = object({
    channel_id   = string
    channel_name = string
    agency       = string
  })
  default = null
}

variable "obs_events" {
  description = "Events a classic OBS trigger subscribes to; some regions want the short name ObjectCreated."
  type        = list(string)
  default     = ["s3:ObjectCreated:*"]
}

variable "retries" {
  description = "How often the platform delivers a failed event again, 0 to 3."
  type        = number
  default     = 3
}

variable "event_age" {
  description = "Seconds after which the platform gives up an event."
  type        = number
  default     = 21600
}

variable "alarm_email" {
  description = "E-mail address that is notified of every event that is given up; empty for none."
  type        = string
  default     = ""
}

variable "notices" {
  description = "Whether the topic of given-up events also gets a notice about what a person must look at."
  type        = bool
  default     = false
}

variable "webhook" {
  description = "Webhook that gets the notices instead: its https:// URL and its key, whsec_ and base64."
  type        = object({ url = string, key = string })
  default     = null
  sensitive   = true
}

variable "summary" {
  description = "Schedule of the summary of the night, such as CRON_TZ=Asia/Shanghai 0 0 7 * * *; empty for none."
  type        = string
  default     = ""

  validation {
    condition     = var.summary == "" || var.notices || nonsensitive(var.webhook != null)
    error_message = "A summary is a notice: set notices or webhook."
  }
}

variable "log_days" {
  description = "Days that log lines are kept in LTS."
  type        = number
  default     = 30
}

variable "settings" {
  description = "Further settings of the function, by name, such as NIGHTDROP_SETTLE_AFTER."
  type        = map(string)
  default     = {}
}

variable "checkpoint_key" {
  description = "Key that signs checkpoints; empty leaves them unsigned."
  type        = string
  default     = ""
  sensitive   = true
}

variable "database" {
  description = "Keep the audit log in RDS for PostgreSQL, in a VPC of its own; null keeps it in OBS."
  type = object({
    flavor            = string
    availability_zone = string
    version           = optional(string, "16")
    volume_type       = optional(string, "CLOUDSSD")
    volume_gb         = optional(number, 40)
    cidr              = optional(string, "10.83.0.0/24")
  })
  default = null
}

variable "database_password" {
  description = "Password of the database's administrator, who runs nightdrop audit init."
  type        = string
  default     = ""
  sensitive   = true
}

variable "function_password" {
  description = "Password of the database role that the function uses."
  type        = string
  default     = ""
  sensitive   = true
}

variable "tags" {
  description = "Tags of everything that can have some."
  type        = map(string)
  default     = {}
}
