# check-deepseek: all lit tests; needs no GPU. Cases that need one are reported as unsupported.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
find_program(DEEPSEEK_LIT NAMES lit llvm-lit HINTS ${LLVM_TOOLS_BINARY_DIR})
find_program(DEEPSEEK_PTXAS ptxas HINTS /usr/local/cuda/bin)
configure_lit_site_cfg(lit.site.cfg.py.in lit.site.cfg.py MAIN_CONFIG ${CMAKE_CURRENT_SOURCE_DIR}/lit.cfg.py)

set(DEEPSEEK_TEST_TOOLS deepseek-opt deepseek-run deepseek-bench)
foreach(tool deepseek-compile import-model)
  if(TARGET ${tool})
    list(APPEND DEEPSEEK_TEST_TOOLS ${tool})
  endif()
endforeach()
add_custom_target(check-deepseek
  COMMAND ${DEEPSEEK_LIT} -sv ${CMAKE_CURRENT_BINARY_DIR}
  DEPENDS ${DEEPSEEK_TEST_TOOLS}
  USES_TERMINAL
  COMMENT "Running the lit tests")
