/** The name of the global function that a script of the sandbox calls to let a run act. For nobody else. */
export const STEP_FUNCTION = '__perdure_step';
