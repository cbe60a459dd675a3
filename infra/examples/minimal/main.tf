# The least there is: drop a file, get a job. The log is in OBS.

terraform {
  required_providers {
    huaweicloud = {
      source  = "huaweicloud/huaweicloud"
      version = ">= 1.97.1, < 2.0.0"
    }
  }
}

locals {
  region = "cn-north-4" # of the fleet
}

# HW_ACCESS_KEY and HW_SECRET_KEY come from the environment.
provider "huaweicloud" {
  region = local.region
}

module "nightdrop" {
  source = "../.."

  region        = local.region
  bucket_prefix = "example-nightdrop" # unique in all of OBS: choose your own
  alarm_email   = ""                  # yours: notified of every event that is given up
  package       = "${path.root}/nightdrop.zip"
}

output "drop" {
  value = module.nightdrop.drop
}

output "environment" {
  value = module.nightdrop.environment
}
