/** Variables of one task that must never reach another one's job: an executor or an editor inside a task may submit, too. */
export const taskVariablePatterns: readonly string[] = ['HPC_KW_*', 'HPC_TASK_*', 'HPC_RUN_ID', 'HPC_CMD_SHA', 'HPC_BACKGROUND_*', 'RESULT_DIR', 'HPC_RESULT_DIR'];
