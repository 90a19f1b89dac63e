"""The customer report, every morning, of the day before (Airflow 3).

Copy it to the folder of DAGs; the worker needs the folder of the report.
"""

from datetime import timedelta

import pendulum
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

with DAG(
    dag_id="customer_report",
    schedule="15 5 * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
):
    # The day is that of Airflow's run, not of the clock: a backfill makes the reports of its days.
    # segml tries a notebook again itself, so that wrong parameters (2) or a threshold crossed (3)
    # fail at once. The task's XCom is the path of the page.
    BashOperator(
        task_id="report",
        cwd="/srv/shop",
        bash_command=(
            ".venv/bin/segml run params/my_shop.yml"
            " --as-of {{ macros.ds_add((dag_run.logical_date or dag_run.run_after) | ds, -1) }}"
            " --timeout 14400 --retry 1 --keep 30"
        ),
        retries=0,
        execution_timeout=timedelta(hours=5),
    )
