# Everything: two schedules, EventGrid, e-mail, signed checkpoints, the log in PostgreSQL.
# What is yours to choose is marked. The zip needs two extras:
#   nightdrop package --runtime python3.12 --with postgres --with sign -o nightdrop.zip

terraform {
  required_providers {
    huaweicloud = {
      source  = "huaweicloud/huaweicloud"
      version = ">= 1.97.1, < 2.0.0"
    }
  }
}

locals {
  region        = "cn-north-4"     # yours
  bucket_prefix = "example-depots" # yours: unique in all of OBS
}

# HW_ACCESS_KEY and HW_SECRET_KEY come from the environment.
provider "huaweicloud" {
  region = local.region
}

# TF_VAR_checkpoint_key and so on: keep secrets out of files.
variable "checkpoint_key" {
  type      = string
  sensitive = true
}

variable "database_password" {
  type      = string
  sensitive = true
}

variable "function_password" {
  type      = string
  sensitive = true
}

module "nightdrop" {
  source = "../.."

  region        = local.region
  name          = "nightdrop-depots"
  bucket_prefix = local.bucket_prefix
  package       = "${path.root}/nightdrop.zip"
  runtime       = "Python3.12"
  memory_size   = 1024
  timeout       = 600
  alarm_email   = "operations@example.com" # yours
  notices       = true
  summary       = "CRON_TZ=Asia/Shanghai 0 0 7 * * *"
  log_days      = 90

  # Who may ask for what; nightdrop policy explain --policy policy.yaml prints it as sentences.
  policy = <<-YAML
    rules:
      - from: {prefix: drop/operations/}
        privileged: true
        host_paths: [/var/log]
      - from: {timer: "*"}
      - from: {prefix: drop/}
        kinds: [deployment_deploy, deployment_upgrade]
        images: [swr.cn-north-4.myhuaweicloud.com/depots] # yours
        image_digest: true
  YAML

  timers = {
    # The spec itself, as JSON or YAML.
    depots-nightly = {
      cron = "CRON_TZ=Asia/Shanghai 0 0 2 * * *"
      spec = jsonencode({
        kind    = "node_upgrade"
        name    = "depots"
        targets = { groups = ["c5a4b2f0-6d0e-4b6b-8a55-0f4a5d2d9c11"] } # yours
      })
    }
    # Or where it is, so that it can change without an apply.
    cameras-sunday = {
      cron = "CRON_TZ=Asia/Shanghai 0 30 3 ? * SUN"
      spec = jsonencode({ spec = "obs://${local.bucket_prefix}-drop/standing/cameras.yaml" })
    }
  }

  eventgrid = { # yours
    channel_id   = "b1f0c3a2-0d7b-4e0e-9a57-8f4e5d2b9c77"
    channel_name = "default"
    agency       = "nightdrop-depots-eventgrid"
  }

  settings = {
    NIGHTDROP_BREAKER   = "0.5"
    NIGHTDROP_SENDERS   = "32"
    NIGHTDROP_VALID_FOR = "4h"
  }

  checkpoint_key = var.checkpoint_key

  database = {
    flavor            = "rds.pg.n1.large.2"
    availability_zone = "${local.region}a"
  }
  database_password = var.database_password
  function_password = var.function_password

  tags = { application = "nightdrop" }
}

output "drop" {
  value = module.nightdrop.drop
}

output "environment" {
  value = module.nightdrop.environment
}

output "database" {
  value = module.nightdrop.database
}
